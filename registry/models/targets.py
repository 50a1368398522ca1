"""What we watch, when it is due, and who asks."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from registry.models.base import (
    EMPTY_OBJECT,
    Time,
    identity,
    metadata,
)

credentials = Table(
    "credentials",
    metadata,
    identity(),
    Column("name", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("version", BigInteger, nullable=False, comment="rises when the secret changes"),
    Column("sealed", LargeBinary, nullable=False, comment="registry.vault: the secret, encrypted"),
    Column("facts", JSONB, nullable=False, comment="CredentialFacts: what is no secret of it"),
    Column("created_at", Time, nullable=False),
    Column("updated_at", Time, nullable=False),
    CheckConstraint("kind IN ('tls', 'ssh')", name="kind"),
)

vps_nodes = Table(
    "vps_nodes",
    metadata,
    identity(),
    Column("name", Text, nullable=False, unique=True),
    Column("docker_url", Text, nullable=False),
    Column("labels", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    Column("enabled", Boolean, nullable=False),
    Column("interval_seconds", Double, comment="null: VSA_SCRAPE_INTERVAL"),
    Column("timeout_seconds", Double, comment="null: VSA_SCRAPE_TIMEOUT"),
    Column("created_at", Time, nullable=False),
    Column("updated_at", Time, nullable=False),
    Column("credential_id", BigInteger, ForeignKey("credentials.id"), index=True),
    Column("host_key", Text, comment="the key that an ssh:// node must show, as OpenSSH writes it"),
)

domains = Table(
    "domains",
    metadata,
    identity(),
    Column("name", Text, nullable=False),
    Column("port", Integer, nullable=False),
    Column("starttls", Text, nullable=False),
    Column("server_name", Text, comment="null: the domain's own name"),
    Column("node_id", BigInteger, ForeignKey("vps_nodes.id"), index=True),
    Column("container", Text),
    Column("container_port", Integer),
    Column("labels", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    Column("enabled", Boolean, nullable=False),
    Column("interval_seconds", Double, comment="null: VSA_PROBE_INTERVAL"),
    Column("timeout_seconds", Double, comment="null: VSA_PROBE_TIMEOUT"),
    Column("created_at", Time, nullable=False),
    Column("updated_at", Time, nullable=False),
    UniqueConstraint("name", "port", "server_name", postgresql_nulls_not_distinct=True),
)

# Of private PKIs, beside the system's and those of VSA_TRUST_BUNDLE.
authorities = Table(
    "authorities",
    metadata,
    identity(),
    Column("name", Text, nullable=False, unique=True),
    Column(
        "domain_id",
        BigInteger,
        ForeignKey("domains.id", ondelete="CASCADE"),
        index=True,
        comment="null: trusted for every domain",
    ),
    Column("der", LargeBinary, nullable=False),
    Column("facts", JSONB, nullable=False, comment="AuthorityFacts: what the certificate says"),
    Column("created_at", Time, nullable=False),
)

# Beside the registry, so that claims (hot) and edits (rare) do not contend for one row.
schedule = Table(
    "schedule",
    metadata,
    identity(),
    Column("node_id", BigInteger, ForeignKey("vps_nodes.id", ondelete="CASCADE"), unique=True),
    Column("domain_id", BigInteger, ForeignKey("domains.id", ondelete="CASCADE"), unique=True),
    Column("next_due_at", Time, nullable=False, index=True),
    Column("lease_until", Time, comment="null: nobody is asking it now"),
    Column("lease_token", Uuid, comment="a result with another token is discarded"),
    Column("check_wished", Boolean, comment="the next scrape is to tell of its steps; null: no"),
    CheckConstraint("num_nonnulls(node_id, domain_id) = 1", name="one_target"),
    postgresql_with={"fillfactor": "50"},
)

collectors = Table(
    "collectors",
    metadata,
    Column("instance", Text, primary_key=True),
    Column("version", Text, nullable=False),
    Column("started_at", Time, nullable=False),
    Column("last_seen_at", Time, nullable=False),
    Column("probes_total", BigInteger, nullable=False),
    Column("failures_total", BigInteger, nullable=False),
    Column("discarded_total", BigInteger, nullable=False),
    Column("cpu_seconds_total", Double, nullable=False),
    Column("resident_memory_bytes", BigInteger, nullable=False),
)
