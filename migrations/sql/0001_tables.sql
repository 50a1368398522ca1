-- What we watch, what we saw, who may, who did. Equal to registry/models.py: a test proves it.

CREATE TABLE vps_nodes (
    id bigint GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL,
    docker_url text NOT NULL,
    labels jsonb NOT NULL DEFAULT '{}',
    enabled boolean NOT NULL,
    interval_seconds double precision,
    timeout_seconds double precision,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_vps_nodes PRIMARY KEY (id),
    CONSTRAINT uq_vps_nodes_name UNIQUE (name)
);
COMMENT ON COLUMN vps_nodes.interval_seconds IS 'null: VSA_SCRAPE_INTERVAL';
COMMENT ON COLUMN vps_nodes.timeout_seconds IS 'null: VSA_SCRAPE_TIMEOUT';

CREATE TABLE domains (
    id bigint GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL,
    port integer NOT NULL,
    starttls text NOT NULL,
    server_name text,
    node_id bigint,
    container text,
    container_port integer,
    labels jsonb NOT NULL DEFAULT '{}',
    enabled boolean NOT NULL,
    interval_seconds double precision,
    timeout_seconds double precision,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_domains PRIMARY KEY (id),
    CONSTRAINT uq_domains_name_port_server_name UNIQUE NULLS NOT DISTINCT (name, port, server_name),
    CONSTRAINT fk_domains_node_id_vps_nodes FOREIGN KEY (node_id)
        REFERENCES vps_nodes (id)
);
CREATE INDEX ix_domains_node_id ON domains (node_id);
COMMENT ON COLUMN domains.server_name IS 'null: the domain''s own name';
COMMENT ON COLUMN domains.interval_seconds IS 'null: VSA_PROBE_INTERVAL';
COMMENT ON COLUMN domains.timeout_seconds IS 'null: VSA_PROBE_TIMEOUT';

CREATE TABLE schedule (
    id bigint GENERATED ALWAYS AS IDENTITY,
    node_id bigint,
    domain_id bigint,
    next_due_at timestamptz NOT NULL,
    lease_until timestamptz,
    lease_token uuid,
    CONSTRAINT pk_schedule PRIMARY KEY (id),
    CONSTRAINT ck_schedule_one_target CHECK (num_nonnulls(node_id, domain_id) = 1),
    CONSTRAINT uq_schedule_node_id UNIQUE (node_id),
    CONSTRAINT fk_schedule_node_id_vps_nodes FOREIGN KEY (node_id)
        REFERENCES vps_nodes (id) ON DELETE CASCADE,
    CONSTRAINT uq_schedule_domain_id UNIQUE (domain_id),
    CONSTRAINT fk_schedule_domain_id_domains FOREIGN KEY (domain_id)
        REFERENCES domains (id) ON DELETE CASCADE
) WITH (fillfactor = 50);
CREATE INDEX ix_schedule_next_due_at ON schedule (next_due_at);
COMMENT ON COLUMN schedule.lease_until IS 'null: nobody is asking it now';
COMMENT ON COLUMN schedule.lease_token IS 'a result with another token is discarded';

CREATE TABLE collectors (
    instance text NOT NULL,
    version text NOT NULL,
    started_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    probes_total bigint NOT NULL,
    failures_total bigint NOT NULL,
    discarded_total bigint NOT NULL,
    cpu_seconds_total double precision NOT NULL,
    resident_memory_bytes bigint NOT NULL,
    CONSTRAINT pk_collectors PRIMARY KEY (instance)
);

CREATE TABLE node_state (
    node_id bigint NOT NULL,
    version bigint NOT NULL,
    last_attempt_at timestamptz,
    last_success_at timestamptz,
    failure_reason text,
    failure_detail text,
    consecutive_failures integer NOT NULL,
    scrapes_total bigint NOT NULL,
    failures_total bigint NOT NULL,
    engine jsonb,
    cost jsonb,
    event_time_nano bigint,
    event_keys text[] NOT NULL DEFAULT '{}',
    CONSTRAINT pk_node_state PRIMARY KEY (node_id),
    CONSTRAINT fk_node_state_node_id_vps_nodes FOREIGN KEY (node_id)
        REFERENCES vps_nodes (id) ON DELETE CASCADE
) WITH (fillfactor = 50);
COMMENT ON COLUMN node_state.version IS 'rises when a snapshot or engine changes';
COMMENT ON COLUMN node_state.engine IS 'EngineFacts';
COMMENT ON COLUMN node_state.cost IS 'Cost of the last scrape';
COMMENT ON COLUMN node_state.event_time_nano IS 'EventCursor.time_nano';

CREATE TABLE container_snapshots (
    node_id bigint NOT NULL,
    container_id text NOT NULL,
    name text NOT NULL,
    image text NOT NULL,
    image_id text NOT NULL,
    state text NOT NULL,
    health text NOT NULL,
    exit_code integer,
    oom_killed boolean NOT NULL,
    error text NOT NULL,
    restart_count integer NOT NULL,
    restart_policy text NOT NULL,
    created_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    labels jsonb NOT NULL,
    ports jsonb NOT NULL,
    mounts jsonb NOT NULL,
    networks jsonb NOT NULL,
    limits jsonb NOT NULL,
    seen_from timestamptz NOT NULL,
    seen_until timestamptz NOT NULL,
    CONSTRAINT pk_container_snapshots PRIMARY KEY (node_id, container_id, seen_until),
    CONSTRAINT fk_container_snapshots_node_id_vps_nodes FOREIGN KEY (node_id)
        REFERENCES vps_nodes (id) ON DELETE CASCADE
) PARTITION BY RANGE (seen_until);
CREATE INDEX ix_container_snapshots_name_seen_from ON container_snapshots (name, seen_from);
COMMENT ON COLUMN container_snapshots.seen_until IS 'infinity: still so';

CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY,
    recorded_at timestamptz NOT NULL,
    node_id bigint NOT NULL,
    time timestamptz NOT NULL,
    time_nano bigint NOT NULL,
    kind text NOT NULL,
    action text NOT NULL,
    container_id text NOT NULL,
    name text NOT NULL,
    image text NOT NULL,
    exit_code integer,
    CONSTRAINT pk_events PRIMARY KEY (id, recorded_at),
    CONSTRAINT fk_events_node_id_vps_nodes FOREIGN KEY (node_id)
        REFERENCES vps_nodes (id) ON DELETE CASCADE
) PARTITION BY RANGE (recorded_at);
CREATE INDEX ix_events_node_id_time_nano ON events (node_id, time_nano);
COMMENT ON COLUMN events.time IS 'the engine''s clock';

CREATE TABLE event_counters (
    node_id bigint NOT NULL,
    name text NOT NULL,
    event text NOT NULL,
    total bigint NOT NULL,
    CONSTRAINT pk_event_counters PRIMARY KEY (node_id, name, event),
    CONSTRAINT fk_event_counters_node_id_vps_nodes FOREIGN KEY (node_id)
        REFERENCES vps_nodes (id) ON DELETE CASCADE
) WITH (fillfactor = 50);
COMMENT ON COLUMN event_counters.name IS 'the container''s name';

CREATE TABLE node_gaps (
    node_id bigint NOT NULL,
    kind text NOT NULL,
    gap_from timestamptz NOT NULL,
    gap_until timestamptz NOT NULL,
    reason text NOT NULL,
    CONSTRAINT pk_node_gaps PRIMARY KEY (node_id, kind, gap_from),
    CONSTRAINT fk_node_gaps_node_id_vps_nodes FOREIGN KEY (node_id)
        REFERENCES vps_nodes (id) ON DELETE CASCADE
);
COMMENT ON COLUMN node_gaps.kind IS 'state: not seen; events: lost by the engine';
COMMENT ON COLUMN node_gaps.gap_until IS 'infinity: still so';

CREATE UNLOGGED TABLE node_samples (
    node_id bigint NOT NULL,
    received_at timestamptz NOT NULL,
    data bytea NOT NULL,
    CONSTRAINT pk_node_samples PRIMARY KEY (node_id),
    CONSTRAINT fk_node_samples_node_id_vps_nodes FOREIGN KEY (node_id)
        REFERENCES vps_nodes (id) ON DELETE CASCADE
) WITH (fillfactor = 50);
COMMENT ON COLUMN node_samples.data IS 'packed ContainerSample rows';

CREATE TABLE domain_state (
    domain_id bigint NOT NULL,
    last_attempt_at timestamptz,
    last_success_at timestamptz,
    failure_reason text,
    failure_detail text,
    consecutive_failures integer NOT NULL,
    probes_total bigint NOT NULL,
    failures_total bigint NOT NULL,
    CONSTRAINT pk_domain_state PRIMARY KEY (domain_id),
    CONSTRAINT fk_domain_state_domain_id_domains FOREIGN KEY (domain_id)
        REFERENCES domains (id) ON DELETE CASCADE
);
COMMENT ON COLUMN domain_state.last_success_at IS 'last time at least one address answered';

CREATE TABLE certificates (
    fingerprint text NOT NULL,
    der bytea NOT NULL,
    subject text NOT NULL,
    issuer text NOT NULL,
    serial_number text NOT NULL,
    sans text[] NOT NULL,
    not_before timestamptz,
    not_after timestamptz,
    key_type text NOT NULL,
    key_bits integer,
    signature_algorithm text NOT NULL,
    parse_error text NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    CONSTRAINT pk_certificates PRIMARY KEY (fingerprint)
);
CREATE INDEX ix_certificates_not_after ON certificates (not_after);
COMMENT ON COLUMN certificates.fingerprint IS 'SHA-256 of der, lower-case hex';

CREATE TABLE endpoints (
    domain_id bigint NOT NULL,
    address text NOT NULL,
    port integer NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_attempt_at timestamptz NOT NULL,
    last_success_at timestamptz,
    failure_reason text,
    failure_detail text,
    seconds double precision NOT NULL,
    fingerprint text,
    chain bytea[],
    verdict text,
    faults jsonb,
    tls_version text,
    cipher text,
    alpn text,
    chain_not_after timestamptz,
    CONSTRAINT pk_endpoints PRIMARY KEY (domain_id, address, port),
    CONSTRAINT fk_endpoints_domain_id_domains FOREIGN KEY (domain_id)
        REFERENCES domains (id) ON DELETE CASCADE,
    CONSTRAINT fk_endpoints_fingerprint_certificates FOREIGN KEY (fingerprint)
        REFERENCES certificates (fingerprint)
);
CREATE INDEX ix_endpoints_fingerprint ON endpoints (fingerprint);
COMMENT ON COLUMN endpoints.seconds IS 'duration of the last probe';
COMMENT ON COLUMN endpoints.chain IS 'DER as sent, leaf first';
COMMENT ON COLUMN endpoints.faults IS 'list of Fault';

CREATE TABLE tokens (
    id bigint GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL,
    role text NOT NULL,
    hash bytea NOT NULL,
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
    id bigint NOT NULL,
    timestamp timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    before jsonb,
    after jsonb,
    request_id text NOT NULL,
    address text NOT NULL,
    result text NOT NULL,
    canonical bytea NOT NULL,
    hash text NOT NULL,
    CONSTRAINT pk_audit_logs PRIMARY KEY (id)
);
CREATE INDEX ix_audit_logs_action ON audit_logs (action);
CREATE INDEX ix_audit_logs_actor ON audit_logs (actor);
CREATE INDEX ix_audit_logs_timestamp ON audit_logs (timestamp);
COMMENT ON COLUMN audit_logs.id IS 'no number is left out';
COMMENT ON COLUMN audit_logs.canonical IS 'RFC 8785 bytes that were hashed';
COMMENT ON COLUMN audit_logs.hash IS 'SHA-256(previous hash, canonical), hex';

CREATE TABLE audit_head (
    single boolean NOT NULL,
    last_id bigint NOT NULL,
    hash text NOT NULL,
    CONSTRAINT pk_audit_head PRIMARY KEY (single),
    CONSTRAINT ck_audit_head_one_row CHECK (single)
);
