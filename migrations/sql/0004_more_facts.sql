-- Facts that are learned rarely. Columns that older programs leave null, and views that only grow.

ALTER TABLE container_snapshots
    ADD COLUMN image_digest text,
    ADD COLUMN health_output text;
COMMENT ON COLUMN container_snapshots.image_digest IS 'by which a registry knows the image; null: by none';
COMMENT ON COLUMN container_snapshots.health_output IS 'what the check said as it became unhealthy';

ALTER TABLE node_state ADD COLUMN disk jsonb;
COMMENT ON COLUMN node_state.disk IS 'DiskUsage; null: never asked';

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
    snapshot.limits
FROM container_snapshots AS snapshot
JOIN vps_nodes AS node ON node.id = snapshot.node_id
LEFT JOIN node_state AS state ON state.node_id = node.id
WHERE snapshot.seen_until = 'infinity';
