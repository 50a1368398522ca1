-- What Grafana may read: views alone, so that tables can change behind them and no secret is near.
-- They run as their owner; their reader has no right on any table. None reads a clock: the panel's
-- time range is the only time there is.

CREATE SCHEMA dashboard;

-- ---------------------------------------------------------------------------- nodes

CREATE VIEW dashboard.nodes AS
SELECT
    node.name AS node,
    node.enabled,
    node.labels,
    node.created_at,
    state.last_attempt_at,
    state.last_success_at,
    state.failure_reason,
    state.failure_detail,
    coalesce(state.consecutive_failures, 0) AS consecutive_failures,
    state.engine ->> 'version' AS engine_version,
    state.engine ->> 'api_version' AS api_version,
    state.engine ->> 'operating_system' AS operating_system,
    node.interval_seconds
FROM vps_nodes AS node
LEFT JOIN node_state AS state ON state.node_id = node.id;

COMMENT ON VIEW dashboard.nodes IS 'One row a node. interval_seconds: null is VSA_SCRAPE_INTERVAL.';

CREATE VIEW dashboard.containers AS
SELECT
    node.name AS node,
    snapshot.container_id,
    snapshot.name,
    snapshot.image,
    snapshot.image_id,
    snapshot.state,
    snapshot.health,
    snapshot.exit_code,
    snapshot.oom_killed,
    snapshot.error,
    snapshot.restart_count,
    snapshot.restart_policy,
    snapshot.created_at,
    snapshot.started_at,
    snapshot.finished_at,
    snapshot.seen_from,
    node.enabled AS node_enabled,
    state.last_success_at AS node_last_success_at,
    state.failure_reason AS node_failure_reason
FROM container_snapshots AS snapshot
JOIN vps_nodes AS node ON node.id = snapshot.node_id
LEFT JOIN node_state AS state ON state.node_id = node.id
WHERE snapshot.seen_until = 'infinity';

COMMENT ON VIEW dashboard.containers IS
    'One row a container, as last seen: how long ago that was says node_last_success_at.';

CREATE VIEW dashboard.container_history AS
SELECT
    node.name AS node,
    snapshot.container_id,
    snapshot.name,
    snapshot.image,
    snapshot.image_id,
    snapshot.state,
    snapshot.health,
    snapshot.exit_code,
    snapshot.oom_killed,
    snapshot.restart_count,
    snapshot.seen_from,
    snapshot.seen_until
FROM container_snapshots AS snapshot
JOIN vps_nodes AS node ON node.id = snapshot.node_id;

COMMENT ON VIEW dashboard.container_history IS
    'One row a state of a container. seen_until: infinity while it is still so.';

CREATE VIEW dashboard.events AS
SELECT
    node.name AS node,
    event.recorded_at,
    event.time,
    event.kind,
    event.action,
    event.container_id,
    event.name,
    event.image,
    event.exit_code
FROM events AS event
JOIN vps_nodes AS node ON node.id = event.node_id;

COMMENT ON VIEW dashboard.events IS
    'One row an event. recorded_at is our clock, and what days are cut by; time is the engine''s.';

CREATE VIEW dashboard.gaps AS
SELECT node.name AS node, gap.kind, gap.gap_from, gap.gap_until, gap.reason
FROM node_gaps AS gap
JOIN vps_nodes AS node ON node.id = gap.node_id;

COMMENT ON VIEW dashboard.gaps IS
    'When a node was not seen (state) or lost events; gap_until: infinity while it lasts.';

-- ---------------------------------------------------------------------------- domains

CREATE VIEW dashboard.domains AS
SELECT
    domain.id AS domain_id,
    domain.name AS domain,
    domain.port,
    coalesce(domain.server_name, domain.name) AS server_name,
    domain.starttls,
    node.name AS node,
    domain.enabled,
    domain.labels,
    domain.created_at,
    state.last_attempt_at,
    state.last_success_at,
    state.failure_reason,
    state.failure_detail,
    coalesce(state.consecutive_failures, 0) AS consecutive_failures
FROM domains AS domain
LEFT JOIN vps_nodes AS node ON node.id = domain.node_id
LEFT JOIN domain_state AS state ON state.domain_id = domain.id;

COMMENT ON VIEW dashboard.domains IS 'One row a domain. node: the node that serves it, where known.';

CREATE VIEW dashboard.endpoints AS
SELECT
    domain.id AS domain_id,
    domain.name AS domain,
    endpoint.port,
    coalesce(domain.server_name, domain.name) AS server_name,
    endpoint.address,
    endpoint.last_attempt_at,
    endpoint.last_success_at,
    endpoint.failure_reason,
    endpoint.failure_detail,
    endpoint.seconds,
    endpoint.verdict,
    endpoint.faults,
    endpoint.fingerprint AS fingerprint_sha256,
    certificate.subject,
    certificate.issuer,
    certificate.not_before,
    certificate.not_after,
    endpoint.chain_not_after,
    endpoint.tls_version,
    endpoint.cipher,
    endpoint.alpn
FROM endpoints AS endpoint
JOIN domains AS domain ON domain.id = endpoint.domain_id
LEFT JOIN certificates AS certificate ON certificate.fingerprint = endpoint.fingerprint;

COMMENT ON VIEW dashboard.endpoints IS
    'One row an address of a domain, with the certificate that it last served.';

CREATE VIEW dashboard.certificates AS
SELECT
    certificate.fingerprint AS fingerprint_sha256,
    certificate.subject,
    certificate.issuer,
    certificate.serial_number,
    certificate.sans,
    certificate.not_before,
    certificate.not_after,
    certificate.key_type,
    certificate.key_bits,
    certificate.signature_algorithm,
    certificate.parse_error,
    certificate.first_seen_at,
    certificate.last_seen_at,
    ARRAY(
        SELECT DISTINCT domain.name || ':' || endpoint.port
        FROM endpoints AS endpoint
        JOIN domains AS domain ON domain.id = endpoint.domain_id
        WHERE endpoint.fingerprint = certificate.fingerprint
        ORDER BY 1
    ) AS served_by
FROM certificates AS certificate;

COMMENT ON VIEW dashboard.certificates IS
    'One row a certificate ever seen. served_by: empty once no endpoint serves it any more.';

-- ---------------------------------------------------------------------------- audit

CREATE VIEW dashboard.audit AS
SELECT
    entry.id,
    entry.timestamp,
    entry.actor,
    entry.action,
    entry.target,
    difference.changes,
    entry.before,
    entry.after,
    entry.request_id,
    entry.address,
    entry.result
FROM audit_logs AS entry
CROSS JOIN LATERAL (
    SELECT string_agg(
        CASE
            WHEN former.key IS NULL THEN latter.key || ': ' || coalesce(latter.value, '—')
            ELSE former.key || ': ' || coalesce(former.value, '—') || ' → ' || coalesce(latter.value, '—')
        END,
        E'\n' ORDER BY coalesce(former.key, latter.key)
    ) AS changes
    -- Only objects have fields; an entry may hold JSON's null, or nothing, on either side.
    FROM jsonb_each_text(CASE jsonb_typeof(entry.before) WHEN 'object' THEN entry.before END) AS former
    FULL JOIN jsonb_each_text(CASE jsonb_typeof(entry.after) WHEN 'object' THEN entry.after END) AS latter
        ON latter.key = former.key
    WHERE former.value IS DISTINCT FROM latter.value
) AS difference;

COMMENT ON VIEW dashboard.audit IS
    'One row an audit entry. changes: one line a field, "field: before → after".';
