"""What we saw of domains."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from registry.models.base import (
    Time,
    domain_key,
    identity,
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
    Column(
        "issuers",
        ARRAY(LargeBinary),
        comment="DER of what was last sent or stored behind it",
    ),
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
    Column("source", Text, comment="AddressSource; null: resolved"),
    Column("staple", JSONB, comment="OcspStaple; null: none"),
    Column("sent_not_after", Time, comment="earliest end of validity among what was sent"),
    Column("serving_since", Time, comment="when it was first seen to serve this certificate"),
    Column("renewals_total", BigInteger, comment="null: none"),
)

# Not by endpoint's row, which goes with its address: who served what outlives it.
served_certificates = Table(
    "served_certificates",
    metadata,
    domain_key(),
    Column("address", Text, primary_key=True),
    Column("port", Integer, primary_key=True, autoincrement=False),
    Column("seen_from", Time, primary_key=True),
    Column("seen_until", Time, nullable=False, index=True, comment="infinity: still so"),
    Column(
        "last_seen_at", Time, comment="last look that saw it; null: see endpoints.last_success_at"
    ),
    Column("fingerprint", Text, ForeignKey("certificates.fingerprint"), nullable=False, index=True),
)

certificate_changes = Table(
    "certificate_changes",
    metadata,
    identity(),
    Column("at", Time, nullable=False, index=True),
    domain_key(primary_key=False),
    Column("address", Text, nullable=False),
    Column("port", Integer, nullable=False),
    Column("change", Text, nullable=False, comment="CertificateChange"),
    Column("before", Text, nullable=False, comment="fingerprint"),
    Column("after", Text, nullable=False, comment="fingerprint"),
    Column("detail", Text, nullable=False),
    Index("ix_certificate_changes_domain_id_at", "domain_id", "at"),
)

# Beside the wire: what lies in files on a collector's host, and what was uploaded.
known_certificates = Table(
    "known_certificates",
    metadata,
    identity(),
    Column("source", Text, nullable=False),
    Column(
        "host",
        Text,
        nullable=False,
        comment="of the collector that reads the file; empty for an upload",
    ),
    Column("place", Text, nullable=False, comment="path of the file; name of the upload"),
    Column(
        "fingerprint",
        Text,
        ForeignKey("certificates.fingerprint"),
        index=True,
        comment="null: it cannot be read, failure_detail says why",
    ),
    Column("failure_detail", Text),
    Column("first_seen_at", Time, nullable=False),
    Column("last_seen_at", Time, nullable=False),
    UniqueConstraint("source", "host", "place"),
    CheckConstraint("source IN ('file', 'upload')", name="source"),
)
