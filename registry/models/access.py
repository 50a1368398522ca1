"""Who may, and who did."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from registry.models.base import (
    Time,
    identity,
    metadata,
)

tokens = Table(
    "tokens",
    metadata,
    identity(),
    Column("name", Text, nullable=False, comment="the actor in the audit trail"),
    Column("role", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False, unique=True, comment="SHA-256 of the token"),
    Column("created_at", Time, nullable=False),
    Column("last_used_at", Time),
    Column("revoked_at", Time),
    CheckConstraint("role IN ('read', 'write', 'admin')", name="role"),
    # One live token a name; a revoked one keeps its name for the record.
    Index("uq_tokens_live_name", "name", unique=True, postgresql_where=text("revoked_at IS NULL")),
)

audit_logs = Table(
    "audit_logs",
    metadata,
    Column(
        "id", BigInteger, primary_key=True, autoincrement=False, comment="no number is left out"
    ),
    Column("timestamp", Time, nullable=False, index=True),
    Column("actor", Text, nullable=False, index=True),
    Column("action", Text, nullable=False, index=True),
    Column("target", Text, nullable=False),
    Column("before", JSONB(none_as_null=True)),
    Column("after", JSONB(none_as_null=True)),
    Column("request_id", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("canonical", LargeBinary, nullable=False, comment="RFC 8785 bytes that were hashed"),
    Column("hash", Text, nullable=False, comment="SHA-256(previous hash, canonical), hex"),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("single", Boolean, primary_key=True),
    Column("last_id", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
    CheckConstraint("single", name="one_row"),
)
