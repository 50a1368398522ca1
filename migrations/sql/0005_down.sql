DROP FUNCTION dashboard.restarts, dashboard.changes, dashboard.containers_at, dashboard.unknown_at, dashboard.kept_from;
ALTER TABLE node_state DROP COLUMN first_success_at;
