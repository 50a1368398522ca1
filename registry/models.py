"""The tables, as SQLAlchemy Core sees them; migrations/ makes them, a test proves the two equal.

No column has a default that reads a clock: time is read once and passed in.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    }
)

_Time = DateTime(timezone=True)
_EMPTY_OBJECT = text("'{}'::jsonb")
_EMPTY_ARRAY = text("'{}'::text[]")


def _identity() -> Column[int]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def _node_key(*, primary_key: bool = True) -> Column[int]:
    key = ForeignKey("vps_nodes.id", ondelete="CASCADE")
    return Column(
        "node_id", BigInteger, key, primary_key=primary_key, autoincrement=False, nullable=False
    )


def _domain_key() -> Column[int]:
    key = ForeignKey("domains.id", ondelete="CASCADE")
    return Column("domain_id", BigInteger, key, primary_key=True, autoincrement=False)


# ---------------------------------------------------------------------------- what we watch

credentials = Table(
    "credentials",
    metadata,
    _identity(),
    Column("name", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("version", BigInteger, nullable=False, comment="rises when the secret changes"),
    Column("sealed", LargeBinary, nullable=False, comment="registry.vault: the secret, encrypted"),
    Column("facts", JSONB, nullable=False, comment="CredentialFacts: what is no secret of it"),
    Column("created_at", _Time, nullable=False),
    Column("updated_at", _Time, nullable=False),
    CheckConstraint("kind IN ('tls', 'ssh')", name="kind"),
)

vps_nodes = Table(
    "vps_nodes",
    metadata,
    _identity(),
    Column("name", Text, nullable=False, unique=True),
    Column("docker_url", Text, nullable=False),
    Column("labels", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    Column("enabled", Boolean, nullable=False),
    Column("interval_seconds", Double, comment="null: VSA_SCRAPE_INTERVAL"),
    Column("timeout_seconds", Double, comment="null: VSA_SCRAPE_TIMEOUT"),
    Column("created_at", _Time, nullable=False),
    Column("updated_at", _Time, nullable=False),
    Column("credential_id", BigInteger, ForeignKey("credentials.id"), index=True),
    Column("host_key", Text, comment="the key that an ssh:// node must show, as OpenSSH writes it"),
)

domains = Table(
    "domains",
    metadata,
    _identity(),
    Column("name", Text, nullable=False),
    Column("port", Integer, nullable=False),
    Column("starttls", Text, nullable=False),
    Column("server_name", Text, comment="null: the domain's own name"),
    Column("node_id", BigInteger, ForeignKey("vps_nodes.id"), index=True),
    Column("container", Text),
    Column("container_port", Integer),
    Column("labels", JSONB, nullable=False, server_default=_EMPTY_OBJECT),
    Column("enabled", Boolean, nullable=False),
    Column("interval_seconds", Double, comment="null: VSA_PROBE_INTERVAL"),
    Column("timeout_seconds", Double, comment="null: VSA_PROBE_TIMEOUT"),
    Column("created_at", _Time, nullable=False),
    Column("updated_at", _Time, nullable=False),
    UniqueConstraint("name", "port", "server_name", postgresql_nulls_not_distinct=True),
)

# Beside the registry, so that claims (hot) and edits (rare) do not contend for one row.
schedule = Table(
    "schedule",
    metadata,
    _identity(),
    Column("node_id", BigInteger, ForeignKey("vps_nodes.id", ondelete="CASCADE"), unique=True),
    Column("domain_id", BigInteger, ForeignKey("domains.id", ondelete="CASCADE"), unique=True),
    Column("next_due_at", _Time, nullable=False, index=True),
    Column("lease_until", _Time, comment="null: nobody is asking it now"),
    Column("lease_token", Uuid, comment="a result with another token is discarded"),
    CheckConstraint("num_nonnulls(node_id, domain_id) = 1", name="one_target"),
    postgresql_with={"fillfactor": "50"},
)

collectors = Table(
    "collectors",
    metadata,
    Column("instance", Text, primary_key=True),
    Column("version", Text, nullable=False),
    Column("started_at", _Time, nullable=False),
    Column("last_seen_at", _Time, nullable=False),
    Column("probes_total", BigInteger, nullable=False),
    Column("failures_total", BigInteger, nullable=False),
    Column("discarded_total", BigInteger, nullable=False),
    Column("cpu_seconds_total", Double, nullable=False),
    Column("resident_memory_bytes", BigInteger, nullable=False),
)

# ---------------------------------------------------------------------------- what we saw of nodes

node_state = Table(
    "node_state",
    metadata,
    _node_key(),
    Column(
        "version", BigInteger, nullable=False, comment="rises when a snapshot or engine changes"
    ),
    Column("last_attempt_at", _Time),
    Column("last_success_at", _Time),
    Column("failure_reason", Text),
    Column("failure_detail", Text),
    Column("consecutive_failures", Integer, nullable=False),
    Column("scrapes_total", BigInteger, nullable=False),
    Column("failures_total", BigInteger, nullable=False),
    Column("engine", JSONB, comment="EngineFacts"),
    Column("cost", JSONB, comment="Cost of the last scrape"),
    Column("event_time_nano", BigInteger, comment="EventCursor.time_nano"),
    Column("event_keys", ARRAY(Text), nullable=False, server_default=_EMPTY_ARRAY),
    Column(
        "shown_host_key", Text, comment="the key that an ssh:// node showed instead of host_key"
    ),
    Column("disk", JSONB, comment="DiskUsage; null: never asked"),
    postgresql_with={"fillfactor": "50"},
)

# Open rows (seen_until = infinity) live in a partition of their own, closed ones in the day (UTC) of
# seen_until: the newest state of all is one small index scan, retention drops whole days.
container_snapshots = Table(
    "container_snapshots",
    metadata,
    _node_key(),
    Column("container_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("image", Text, nullable=False),
    Column("image_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("health", Text, nullable=False),
    Column("exit_code", Integer),
    Column("oom_killed", Boolean, nullable=False),
    Column("error", Text, nullable=False),
    Column("restart_count", Integer, nullable=False),
    Column("restart_policy", Text, nullable=False),
    Column("created_at", _Time),
    Column("started_at", _Time),
    Column("finished_at", _Time),
    Column("labels", JSONB, nullable=False),
    Column("ports", JSONB, nullable=False),
    Column("mounts", JSONB, nullable=False),
    Column("networks", JSONB, nullable=False),
    Column("limits", JSONB, nullable=False),
    Column("seen_from", _Time, nullable=False),
    Column("seen_until", _Time, primary_key=True, comment="infinity: still so"),
    Column("image_digest", Text, comment="by which a registry knows the image; null: by none"),
    Column("health_output", Text, comment="what the check said as it became unhealthy"),
    Index("ix_container_snapshots_name_seen_from", "name", "seen_from"),
    postgresql_partition_by="RANGE (seen_until)",
)

# Partitioned by our clock, for an engine's clock may lie by years; the cursor keeps repeats out.
events = Table(
    "events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("recorded_at", _Time, primary_key=True),
    _node_key(primary_key=False),
    Column("time", _Time, nullable=False, comment="the engine's clock"),
    Column("time_nano", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("container_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("image", Text, nullable=False),
    Column("exit_code", Integer),
    Index("ix_events_node_id_time_nano", "node_id", "time_nano"),
    postgresql_partition_by="RANGE (recorded_at)",
)

event_counters = Table(
    "event_counters",
    metadata,
    _node_key(),
    Column("name", Text, primary_key=True, comment="the container's name"),
    Column("event", Text, primary_key=True),
    Column("total", BigInteger, nullable=False),
    postgresql_with={"fillfactor": "50"},
)

node_gaps = Table(
    "node_gaps",
    metadata,
    _node_key(),
    Column("kind", Text, primary_key=True, comment="state: not seen; events: lost by the engine"),
    Column("gap_from", _Time, primary_key=True),
    Column("gap_until", _Time, nullable=False, comment="infinity: still so"),
    Column("reason", Text, nullable=False),
)

# Unlogged: numbers only, replaced at each scrape; a crash costs one interval of them.
node_samples = Table(
    "node_samples",
    metadata,
    _node_key(),
    Column("received_at", _Time, nullable=False),
    Column("data", LargeBinary, nullable=False, comment="packed ContainerSample rows"),
    prefixes=["UNLOGGED"],
    postgresql_with={"fillfactor": "50"},
)

# ---------------------------------------------------------------------------- what we saw of domains

domain_state = Table(
    "domain_state",
    metadata,
    _domain_key(),
    Column("last_attempt_at", _Time),
    Column("last_success_at", _Time, comment="last time at least one address answered"),
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
    Column("not_before", _Time),
    Column("not_after", _Time, index=True),
    Column("key_type", Text, nullable=False),
    Column("key_bits", Integer),
    Column("signature_algorithm", Text, nullable=False),
    Column("parse_error", Text, nullable=False),
    Column("first_seen_at", _Time, nullable=False),
    Column("last_seen_at", _Time, nullable=False),
)

# Facts stay when a later look fails: an expiry date that is known does not vanish with the server.
endpoints = Table(
    "endpoints",
    metadata,
    _domain_key(),
    Column("address", Text, primary_key=True),
    Column("port", Integer, primary_key=True, autoincrement=False),
    Column("first_seen_at", _Time, nullable=False),
    Column("last_attempt_at", _Time, nullable=False),
    Column("last_success_at", _Time),
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
    Column("chain_not_after", _Time),
)

# ---------------------------------------------------------------------------- who may, who did

tokens = Table(
    "tokens",
    metadata,
    _identity(),
    Column("name", Text, nullable=False, comment="the actor in the audit trail"),
    Column("role", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False, unique=True, comment="SHA-256 of the token"),
    Column("created_at", _Time, nullable=False),
    Column("last_used_at", _Time),
    Column("revoked_at", _Time),
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
    Column("timestamp", _Time, nullable=False, index=True),
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
