"""First tables: registry, observations, tokens, audit trail."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE vps_nodes (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    name TEXT NOT NULL,
    docker_url TEXT NOT NULL,
    labels JSONB DEFAULT '{}'::jsonb NOT NULL,
    enabled BOOLEAN NOT NULL,
    interval_seconds DOUBLE PRECISION,
    timeout_seconds DOUBLE PRECISION,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_vps_nodes PRIMARY KEY (id),
    CONSTRAINT uq_vps_nodes_name UNIQUE (name)
);
COMMENT ON COLUMN vps_nodes.interval_seconds IS 'null: VSA_SCRAPE_INTERVAL';
COMMENT ON COLUMN vps_nodes.timeout_seconds IS 'null: VSA_SCRAPE_TIMEOUT';

CREATE TABLE domains (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    name TEXT NOT NULL,
    port INTEGER NOT NULL,
    starttls TEXT NOT NULL,
    server_name TEXT,
    node_id BIGINT,
    container TEXT,
    container_port INTEGER,
    labels JSONB DEFAULT '{}'::jsonb NOT NULL,
    enabled BOOLEAN NOT NULL,
    interval_seconds DOUBLE PRECISION,
    timeout_seconds DOUBLE PRECISION,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_domains PRIMARY KEY (id),
    CONSTRAINT uq_domains_name_port_server_name UNIQUE NULLS NOT DISTINCT (name, port, server_name),
    CONSTRAINT fk_domains_node_id_vps_nodes FOREIGN KEY(node_id) REFERENCES vps_nodes (id)
);
CREATE INDEX ix_domains_node_id ON domains (node_id);
COMMENT ON COLUMN domains.server_name IS 'null: the domain''s own name';
COMMENT ON COLUMN domains.interval_seconds IS 'null: VSA_PROBE_INTERVAL';
COMMENT ON COLUMN domains.timeout_seconds IS 'null: VSA_PROBE_TIMEOUT';

CREATE TABLE schedule (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    node_id BIGINT,
    domain_id BIGINT,
    next_due_at timestamptz NOT NULL,
    lease_until timestamptz,
    lease_token UUID,
    CONSTRAINT pk_schedule PRIMARY KEY (id),
    CONSTRAINT ck_schedule_one_target CHECK (num_nonnulls(node_id, domain_id) = 1),
    CONSTRAINT uq_schedule_node_id UNIQUE (node_id),
    CONSTRAINT fk_schedule_node_id_vps_nodes FOREIGN KEY(node_id) REFERENCES vps_nodes (id) ON DELETE CASCADE,
    CONSTRAINT uq_schedule_domain_id UNIQUE (domain_id),
    CONSTRAINT fk_schedule_domain_id_domains FOREIGN KEY(domain_id) REFERENCES domains (id) ON DELETE CASCADE
) WITH (fillfactor = 50);
CREATE INDEX ix_schedule_next_due_at ON schedule (next_due_at);
COMMENT ON COLUMN schedule.lease_until IS 'null: nobody is asking it now';
COMMENT ON COLUMN schedule.lease_token IS 'a result with another token is discarded';

CREATE TABLE collectors (
    instance TEXT NOT NULL,
    version TEXT NOT NULL,
    started_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    probes_total BIGINT NOT NULL,
    failures_total BIGINT NOT NULL,
    discarded_total BIGINT NOT NULL,
    cpu_seconds_total DOUBLE PRECISION NOT NULL,
    resident_memory_bytes BIGINT NOT NULL,
    CONSTRAINT pk_collectors PRIMARY KEY (instance)
);

CREATE TABLE node_state (
    node_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    last_attempt_at timestamptz,
    last_success_at timestamptz,
    failure_reason TEXT,
    failure_detail TEXT,
    consecutive_failures INTEGER NOT NULL,
    scrapes_total BIGINT NOT NULL,
    failures_total BIGINT NOT NULL,
    engine JSONB,
    cost JSONB,
    event_time_nano BIGINT,
    event_keys TEXT[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT pk_node_state PRIMARY KEY (node_id),
    CONSTRAINT fk_node_state_node_id_vps_nodes FOREIGN KEY(node_id) REFERENCES vps_nodes (id) ON DELETE CASCADE
) WITH (fillfactor = 50);
COMMENT ON COLUMN node_state.version IS 'rises when a snapshot or engine changes';
COMMENT ON COLUMN node_state.engine IS 'EngineFacts';
COMMENT ON COLUMN node_state.cost IS 'Cost of the last scrape';
COMMENT ON COLUMN node_state.event_time_nano IS 'EventCursor.time_nano';

CREATE TABLE container_snapshots (
    node_id BIGINT NOT NULL,
    container_id TEXT NOT NULL,
    name TEXT NOT NULL,
    image TEXT NOT NULL,
    image_id TEXT NOT NULL,
    state TEXT NOT NULL,
    health TEXT NOT NULL,
    exit_code INTEGER,
    oom_killed BOOLEAN NOT NULL,
    error TEXT NOT NULL,
    restart_count INTEGER NOT NULL,
    restart_policy TEXT NOT NULL,
    created_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    labels JSONB NOT NULL,
    ports JSONB NOT NULL,
    mounts JSONB NOT NULL,
    networks JSONB NOT NULL,
    limits JSONB NOT NULL,
    seen_from timestamptz NOT NULL,
    seen_until timestamptz NOT NULL,
    CONSTRAINT pk_container_snapshots PRIMARY KEY (node_id, container_id, seen_until),
    CONSTRAINT fk_container_snapshots_node_id_vps_nodes FOREIGN KEY(node_id) REFERENCES vps_nodes (id) ON DELETE CASCADE
) PARTITION BY RANGE (seen_until);
CREATE INDEX ix_container_snapshots_name_seen_from ON container_snapshots (name, seen_from);
COMMENT ON COLUMN container_snapshots.seen_until IS 'infinity: still so';

CREATE TABLE events (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    recorded_at timestamptz NOT NULL,
    node_id BIGINT NOT NULL,
    time timestamptz NOT NULL,
    time_nano BIGINT NOT NULL,
    kind TEXT NOT NULL,
    action TEXT NOT NULL,
    container_id TEXT NOT NULL,
    name TEXT NOT NULL,
    image TEXT NOT NULL,
    exit_code INTEGER,
    CONSTRAINT pk_events PRIMARY KEY (id, recorded_at),
    CONSTRAINT fk_events_node_id_vps_nodes FOREIGN KEY(node_id) REFERENCES vps_nodes (id) ON DELETE CASCADE
) PARTITION BY RANGE (recorded_at);
CREATE INDEX ix_events_node_id_time_nano ON events (node_id, time_nano);
COMMENT ON COLUMN events.time IS 'the engine''s clock';

CREATE TABLE event_counters (
    node_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    event TEXT NOT NULL,
    total BIGINT NOT NULL,
    CONSTRAINT pk_event_counters PRIMARY KEY (node_id, name, event),
    CONSTRAINT fk_event_counters_node_id_vps_nodes FOREIGN KEY(node_id) REFERENCES vps_nodes (id) ON DELETE CASCADE
) WITH (fillfactor = 50);
COMMENT ON COLUMN event_counters.name IS 'the container''s name';

CREATE TABLE node_gaps (
    node_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    gap_from timestamptz NOT NULL,
    gap_until timestamptz NOT NULL,
    reason TEXT NOT NULL,
    CONSTRAINT pk_node_gaps PRIMARY KEY (node_id, kind, gap_from),
    CONSTRAINT fk_node_gaps_node_id_vps_nodes FOREIGN KEY(node_id) REFERENCES vps_nodes (id) ON DELETE CASCADE
);
COMMENT ON COLUMN node_gaps.kind IS 'state: not seen; events: lost by the engine';
COMMENT ON COLUMN node_gaps.gap_until IS 'infinity: still so';

CREATE UNLOGGED TABLE node_samples (
    node_id BIGINT NOT NULL,
    received_at timestamptz NOT NULL,
    data BYTEA NOT NULL,
    CONSTRAINT pk_node_samples PRIMARY KEY (node_id),
    CONSTRAINT fk_node_samples_node_id_vps_nodes FOREIGN KEY(node_id) REFERENCES vps_nodes (id) ON DELETE CASCADE
) WITH (fillfactor = 50);
COMMENT ON COLUMN node_samples.data IS 'packed ContainerSample rows';

CREATE TABLE domain_state (
    domain_id BIGINT NOT NULL,
    last_attempt_at timestamptz,
    last_success_at timestamptz,
    failure_reason TEXT,
    failure_detail TEXT,
    consecutive_failures INTEGER NOT NULL,
    probes_total BIGINT NOT NULL,
    failures_total BIGINT NOT NULL,
    CONSTRAINT pk_domain_state PRIMARY KEY (domain_id),
    CONSTRAINT fk_domain_state_domain_id_domains FOREIGN KEY(domain_id) REFERENCES domains (id) ON DELETE CASCADE
);
COMMENT ON COLUMN domain_state.last_success_at IS 'last time at least one address answered';

CREATE TABLE certificates (
    fingerprint TEXT NOT NULL,
    der BYTEA NOT NULL,
    subject TEXT NOT NULL,
    issuer TEXT NOT NULL,
    serial_number TEXT NOT NULL,
    sans TEXT[] NOT NULL,
    not_before timestamptz,
    not_after timestamptz,
    key_type TEXT NOT NULL,
    key_bits INTEGER,
    signature_algorithm TEXT NOT NULL,
    parse_error TEXT NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    CONSTRAINT pk_certificates PRIMARY KEY (fingerprint)
);
CREATE INDEX ix_certificates_not_after ON certificates (not_after);
COMMENT ON COLUMN certificates.fingerprint IS 'SHA-256 of der, lower-case hex';

CREATE TABLE endpoints (
    domain_id BIGINT NOT NULL,
    address TEXT NOT NULL,
    port INTEGER NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_attempt_at timestamptz NOT NULL,
    last_success_at timestamptz,
    failure_reason TEXT,
    failure_detail TEXT,
    seconds DOUBLE PRECISION NOT NULL,
    fingerprint TEXT,
    chain BYTEA[],
    verdict TEXT,
    faults JSONB,
    tls_version TEXT,
    cipher TEXT,
    alpn TEXT,
    chain_not_after timestamptz,
    CONSTRAINT pk_endpoints PRIMARY KEY (domain_id, address, port),
    CONSTRAINT fk_endpoints_domain_id_domains FOREIGN KEY(domain_id) REFERENCES domains (id) ON DELETE CASCADE,
    CONSTRAINT fk_endpoints_fingerprint_certificates FOREIGN KEY(fingerprint) REFERENCES certificates (fingerprint)
);
CREATE INDEX ix_endpoints_fingerprint ON endpoints (fingerprint);
COMMENT ON COLUMN endpoints.seconds IS 'duration of the last probe';
COMMENT ON COLUMN endpoints.chain IS 'DER as sent, leaf first';
COMMENT ON COLUMN endpoints.faults IS 'list of Fault';

CREATE TABLE tokens (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    hash BYTEA NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT pk_tokens PRIMARY KEY (id),
    CONSTRAINT ck_tokens_role CHECK (role IN ('read', 'write', 'admin')),
    CONSTRAINT uq_tokens_hash UNIQUE (hash)
);
CREATE UNIQUE INDEX uq_tokens_live_name ON tokens (name) WHERE revoked_at IS NULL;
COMMENT ON COLUMN tokens.name IS 'the actor in the audit trail';
COMMENT ON COLUMN tokens.hash IS 'SHA-256 of the token';

CREATE TABLE audit_logs (
    id BIGINT NOT NULL,
    timestamp timestamptz NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    before JSONB,
    after JSONB,
    request_id TEXT NOT NULL,
    address TEXT NOT NULL,
    result TEXT NOT NULL,
    canonical BYTEA NOT NULL,
    hash TEXT NOT NULL,
    CONSTRAINT pk_audit_logs PRIMARY KEY (id)
);
CREATE INDEX ix_audit_logs_action ON audit_logs (action);
CREATE INDEX ix_audit_logs_actor ON audit_logs (actor);
CREATE INDEX ix_audit_logs_timestamp ON audit_logs (timestamp);
COMMENT ON COLUMN audit_logs.id IS 'no number is left out';
COMMENT ON COLUMN audit_logs.canonical IS 'RFC 8785 bytes that were hashed';
COMMENT ON COLUMN audit_logs.hash IS 'SHA-256(previous hash, canonical), hex';

CREATE TABLE audit_head (
    single BOOLEAN NOT NULL,
    last_id BIGINT NOT NULL,
    hash TEXT NOT NULL,
    CONSTRAINT pk_audit_head PRIMARY KEY (single),
    CONSTRAINT ck_audit_head_one_row CHECK (single)
);
"""

# Open rows have a partition of their own; days are made ahead by vsa_create_partitions.
OPEN_PARTITION = """
CREATE TABLE container_snapshots_open PARTITION OF container_snapshots
    FOR VALUES FROM ('infinity') TO (MAXVALUE);
"""

# SECURITY DEFINER: the programs' role may make and drop days, but owns no table.
# ATTACH takes a weaker lock on the parent than CREATE TABLE … PARTITION OF, so scrapes go on meanwhile.
PARTITION_FUNCTIONS = """
CREATE FUNCTION vsa_create_partitions(first_day date, days integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    parent text;
    day date;
    child text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('vsa partitions'));
    FOREACH parent IN ARRAY ARRAY['container_snapshots', 'events'] LOOP
        FOR day IN SELECT first_day + n FROM generate_series(0, days - 1) AS n LOOP
            child := parent || '_' || to_char(day, 'YYYYMMDD');
            CONTINUE WHEN to_regclass('public.' || child) IS NOT NULL;
            EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                           child, parent);
            EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                           parent, child, day::timestamptz, (day + 1)::timestamptz);
        END LOOP;
    END LOOP;
END $$;

CREATE FUNCTION vsa_drop_partitions(parent text, before_day date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    child text;
    dropped integer := 0;
BEGIN
    IF parent NOT IN ('container_snapshots', 'events') THEN
        RAISE EXCEPTION 'table % has no day partitions', parent;
    END IF;
    FOR child IN
        SELECT relid::regclass::text FROM pg_partition_tree(('public.' || parent)::regclass) WHERE isleaf
    LOOP
        CONTINUE WHEN child !~ '_[0-9]{8}$' OR to_date(right(child, 8), 'YYYYMMDD') >= before_day;
        EXECUTE format('DROP TABLE public.%I', child);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;

REVOKE EXECUTE ON FUNCTION vsa_create_partitions, vsa_drop_partitions FROM PUBLIC;
"""

APPEND_ONLY = """
CREATE FUNCTION vsa_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_logs
    FOR EACH ROW EXECUTE FUNCTION vsa_refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON audit_logs
    FOR EACH STATEMENT EXECUTE FUNCTION vsa_refuse_change();

INSERT INTO audit_head (single, last_id, hash) VALUES (true, 0, repeat('0', 64));
"""


def upgrade() -> None:
    for statements in (TABLES, OPEN_PARTITION, PARTITION_FUNCTIONS, APPEND_ONLY):
        op.execute(statements)


def downgrade() -> None:
    op.execute("""
        DROP TABLE audit_head, audit_logs, tokens, endpoints, certificates, domain_state, node_samples, node_gaps, event_counters, events, container_snapshots, node_state, collectors, schedule, domains, vps_nodes;
        DROP FUNCTION vsa_create_partitions, vsa_drop_partitions, vsa_refuse_change;
    """)
