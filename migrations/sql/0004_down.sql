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
    state.failure_reason AS node_failure_reason
FROM container_snapshots AS snapshot
JOIN vps_nodes AS node ON node.id = snapshot.node_id
LEFT JOIN node_state AS state ON state.node_id = node.id
WHERE snapshot.seen_until = 'infinity';
COMMENT ON VIEW dashboard.containers IS
    'One row a container, as last seen: how long ago that was says node_last_success_at.';
ALTER TABLE node_state DROP COLUMN disk;
ALTER TABLE container_snapshots DROP COLUMN image_digest, DROP COLUMN health_output;
