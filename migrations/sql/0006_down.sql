DROP VIEW dashboard.nodes;
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
DROP VIEW dashboard.containers;
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
    state.failure_reason AS node_failure_reason,
    snapshot.image_digest,
    snapshot.labels ->> 'com.docker.compose.project' AS compose_project,
    snapshot.labels ->> 'com.docker.compose.service' AS compose_service,
    snapshot.limits
FROM container_snapshots AS snapshot
JOIN vps_nodes AS node ON node.id = snapshot.node_id
LEFT JOIN node_state AS state ON state.node_id = node.id
WHERE snapshot.seen_until = 'infinity';
COMMENT ON VIEW dashboard.containers IS
    'One row a container, as last seen: how long ago that was says node_last_success_at.';
