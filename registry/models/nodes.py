"""What we saw of nodes."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from registry.models.base import (
    EMPTY_ARRAY,
    Time,
    metadata,
    node_key,
)

node_state = Table(
    "node_state",
    metadata,
    node_key(),
    Column(
        "version", BigInteger, nullable=False, comment="rises when a snapshot or engine changes"
    ),
    Column("last_attempt_at", Time),
    Column("last_success_at", Time),
    Column("failure_reason", Text),
    Column("failure_detail", Text),
    Column("consecutive_failures", Integer, nullable=False),
    Column("scrapes_total", BigInteger, nullable=False),
    Column("failures_total", BigInteger, nullable=False),
    Column("engine", JSONB, comment="EngineFacts"),
    Column("cost", JSONB, comment="Cost of the last scrape"),
    Column("event_time_nano", BigInteger, comment="EventCursor.time_nano"),
    Column("event_keys", ARRAY(Text), nullable=False, server_default=EMPTY_ARRAY),
    Column(
        "shown_host_key", Text, comment="the key that an ssh:// node showed instead of host_key"
    ),
    Column("disk", JSONB, comment="DiskUsage; null: never asked"),
    Column("first_success_at", Time, comment="before it nothing is known of the node"),
    Column("last_check", JSONB, comment="NodeCheck; null: never checked"),
    Column(
        "certificate",
        Text,
        ForeignKey("certificates.fingerprint"),
        index=True,
        comment="fingerprint of what the engine itself showed over TLS",
    ),
    postgresql_with={"fillfactor": "50"},
)

# Open rows (seen_until = infinity) live in a partition of their own, closed ones in the day (UTC) of
# seen_until: the newest state of all is one small index scan, retention drops whole days.
container_snapshots = Table(
    "container_snapshots",
    metadata,
    node_key(),
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
    Column("created_at", Time),
    Column("started_at", Time),
    Column("finished_at", Time),
    Column("labels", JSONB, nullable=False),
    Column("ports", JSONB, nullable=False),
    Column("mounts", JSONB, nullable=False),
    Column("networks", JSONB, nullable=False),
    Column("limits", JSONB, nullable=False),
    Column("seen_from", Time, nullable=False),
    Column("seen_until", Time, primary_key=True, comment="infinity: still so"),
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
    Column("recorded_at", Time, primary_key=True),
    node_key(primary_key=False),
    Column("time", Time, nullable=False, comment="the engine's clock"),
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
    node_key(),
    Column("name", Text, primary_key=True, comment="the container's name"),
    Column("event", Text, primary_key=True),
    Column("total", BigInteger, nullable=False),
    postgresql_with={"fillfactor": "50"},
)

node_gaps = Table(
    "node_gaps",
    metadata,
    node_key(),
    Column("kind", Text, primary_key=True, comment="state: not seen; events: lost by the engine"),
    Column("gap_from", Time, primary_key=True),
    Column("gap_until", Time, nullable=False, comment="infinity: still so"),
    Column("reason", Text, nullable=False),
)

# Unlogged: numbers only, replaced at each scrape; a crash costs one interval of them.
node_samples = Table(
    "node_samples",
    metadata,
    node_key(),
    Column("received_at", Time, nullable=False),
    Column("data", LargeBinary, nullable=False, comment="packed ContainerSample rows"),
    prefixes=["UNLOGGED"],
    postgresql_with={"fillfactor": "50"},
)
