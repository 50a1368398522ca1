"""What we saw of domains."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from registry.models.base import (
    Time,
    domain_key,
    metadata,
)

domain_state = Table(
    "domain_state",
    metadata,
    domain_key(),
    Column("last_attempt_at", Time),
    Column("last_success_at", Time, comment="last time at least one address answered"),
    Column("failure_reason", Text),
    Column("failure_detail", Text),
    Column("consecutive_failures", Integer, nullable=False),
    Column("probes_total", BigInteger, nullable=False),
    Column("failures_total", BigInteger, nullable=False),
)

certificates = Table(
    "certificates",
    metadata,
    Column("fingerprint", Text, primary_key=True, comment="SHA-256 of der, lower-case hex"),
    Column("der", LargeBinary, nullable=False),
    Column("subject", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("serial_number", Text, nullable=False),
    Column("sans", ARRAY(Text), nullable=False),
    Column("not_before", Time),
    Column("not_after", Time, index=True),
    Column("key_type", Text, nullable=False),
    Column("key_bits", Integer),
    Column("signature_algorithm", Text, nullable=False),
    Column("parse_error", Text, nullable=False),
    Column("first_seen_at", Time, nullable=False),
    Column("last_seen_at", Time, nullable=False),
)

# Facts stay when a later look fails: an expiry date that is known does not vanish with the server.
endpoints = Table(
    "endpoints",
    metadata,
    domain_key(),
    Column("address", Text, primary_key=True),
    Column("port", Integer, primary_key=True, autoincrement=False),
    Column("first_seen_at", Time, nullable=False),
    Column("last_attempt_at", Time, nullable=False),
    Column("last_success_at", Time),
    Column("failure_reason", Text),
    Column("failure_detail", Text),
    Column("seconds", Double, nullable=False, comment="duration of the last probe"),
    Column("fingerprint", Text, ForeignKey("certificates.fingerprint"), index=True),
    Column("chain", ARRAY(LargeBinary), comment="DER as sent, leaf first"),
    Column("verdict", Text),
    Column("faults", JSONB, comment="list of Fault"),
    Column("tls_version", Text),
    Column("cipher", Text),
    Column("alpn", Text),
    Column("chain_not_after", Time),
)
