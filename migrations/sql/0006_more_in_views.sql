-- More of what is known, for Grafana: views that only grow.

CREATE OR REPLACE VIEW dashboard.nodes AS
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
    node.interval_seconds,
    nullif(state.engine ->> 'swarm_role', 'none') AS swarm_role,
    (
        SELECT string_agg(warning, E'\n' ORDER BY place)
        FROM jsonb_array_elements_text(state.engine -> 'warnings') WITH ORDINALITY AS given (warning, place)
    ) AS engine_warnings,
    shared.names AS same_engine
FROM vps_nodes AS node
LEFT JOIN node_state AS state ON state.node_id = node.id
-- Grouped by what it is joined on, so that a query which does not name the column does not pay for it.
LEFT JOIN (
    SELECT other.engine ->> 'engine_id' AS engine_id, string_agg(named.name, ', ' ORDER BY named.name) AS names
    FROM node_state AS other
    JOIN vps_nodes AS named ON named.id = other.node_id
    WHERE named.enabled AND other.engine ->> 'engine_id' <> ''
    GROUP BY other.engine ->> 'engine_id'
    HAVING count(*) > 1
) AS shared ON node.enabled AND shared.engine_id = state.engine ->> 'engine_id';
COMMENT ON VIEW dashboard.nodes IS
    'One row a node. interval_seconds: null is VSA_SCRAPE_INTERVAL. same_engine: all names of its engine, where it has several.';

CREATE OR REPLACE VIEW dashboard.containers AS
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
    snapshot.limits,
    snapshot.health_output
FROM container_snapshots AS snapshot
JOIN vps_nodes AS node ON node.id = snapshot.node_id
LEFT JOIN node_state AS state ON state.node_id = node.id
WHERE snapshot.seen_until = 'infinity';
