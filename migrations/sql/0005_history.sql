-- Questions over time: what ran on a node at a moment, what changed, what restarted. Each is answered here alone, for
-- REST, the command line and Grafana. SECURITY DEFINER: Grafana's role reads no table, the programs' role no view.

ALTER TABLE node_state ADD COLUMN first_success_at timestamptz;
COMMENT ON COLUMN node_state.first_success_at IS 'before it nothing is known of the node';
UPDATE node_state AS state SET first_success_at = least(
    state.last_success_at,
    (SELECT min(seen_from) FROM container_snapshots AS snapshot WHERE snapshot.node_id = state.node_id),
    (SELECT min(gap_from) FROM node_gaps AS gap WHERE gap.node_id = state.node_id));

CREATE FUNCTION dashboard.kept_from() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    -- null, so not chosen, for the partition of open snapshots
    SELECT min(to_date(substring(relname FROM '_([0-9]{8})$'), 'YYYYMMDD'))::timestamp AT TIME ZONE 'UTC'
    FROM pg_inherits JOIN pg_class ON oid = inhrelid
    WHERE inhparent = 'public.container_snapshots'::regclass
$$;
COMMENT ON FUNCTION dashboard.kept_from IS 'Since when past states are kept: the first day (UTC) that retention left.';

CREATE FUNCTION dashboard.unknown_at(
    node text, at timestamptz, default_interval double precision DEFAULT 15
) RETURNS TABLE (reason text, unknown_from timestamptz, unknown_until timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    WITH target AS (
        SELECT
            id,
            first_success_at,
            last_success_at,
            consecutive_failures,
            make_interval(secs => greatest(3 * coalesce(interval_seconds, default_interval), 60)) AS stale
        FROM vps_nodes JOIN node_state ON node_id = id
        WHERE name = unknown_at.node
    )
    SELECT why.reason, why.unknown_from, why.unknown_until
    FROM (
        SELECT 1 AS rank, 'not_seen_yet' AS reason, NULL::timestamptz AS unknown_from,
               first_success_at AS unknown_until
        FROM target WHERE first_success_at IS NULL OR unknown_at.at < first_success_at
        UNION ALL
        SELECT 2, 'not_kept', NULL, dashboard.kept_from()
        FROM target WHERE unknown_at.at < dashboard.kept_from()
        UNION ALL
        -- At its ends the node was seen.
        SELECT 3, gap.reason, gap.gap_from, nullif(gap.gap_until, 'infinity')
        FROM target JOIN node_gaps AS gap ON gap.node_id = target.id AND gap.kind = 'state'
        WHERE gap.gap_from < unknown_at.at AND unknown_at.at < gap.gap_until
        UNION ALL
        -- No gap is recorded before the node is seen again: nobody asks it.
        SELECT 4, 'not_asked', last_success_at, NULL
        FROM target WHERE consecutive_failures = 0 AND unknown_at.at > last_success_at + stale
    ) AS why
    ORDER BY why.rank LIMIT 1
$$;
COMMENT ON FUNCTION dashboard.unknown_at IS
    'Why nobody knows what was on a node at a moment, and from when until when (null: no such end); no row: it is known.';

CREATE FUNCTION dashboard.containers_at(node text, at timestamptz) RETURNS SETOF container_snapshots
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT snapshot.*
    FROM vps_nodes JOIN container_snapshots AS snapshot ON snapshot.node_id = vps_nodes.id
    WHERE vps_nodes.name = containers_at.node
      AND snapshot.seen_from <= containers_at.at AND snapshot.seen_until > containers_at.at
$$;
COMMENT ON FUNCTION dashboard.containers_at IS
    'The containers of a node as last seen at a moment: see dashboard.unknown_at for whether they were seen then.';

CREATE FUNCTION dashboard.changes(node text, since timestamptz, until timestamptz)
RETURNS TABLE (
    at timestamptz, change text, container_id text, name text, image text, fields jsonb, reason text, lasted_until timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    WITH target AS (
        SELECT id, first_success_at
        FROM vps_nodes JOIN node_state ON node_id = id
        WHERE vps_nodes.name = changes.node
    )
    SELECT
        after.seen_from,
        CASE WHEN before.container_id IS NOT NULL THEN 'changed'
             WHEN after.seen_from = target.first_success_at THEN 'first_seen'
             ELSE 'appeared' END,
        after.container_id, after.name, after.image,
        (SELECT coalesce(jsonb_object_agg(was.key, jsonb_build_array(was.value, is_now.value)), '{}')
         FROM jsonb_each(to_jsonb(before)) AS was JOIN jsonb_each(to_jsonb(after)) AS is_now USING (key)
         WHERE was.value <> is_now.value AND key NOT IN ('seen_from', 'seen_until')),
        NULL::text, NULL::timestamptz
    FROM target
    JOIN container_snapshots AS after ON after.node_id = target.id
    LEFT JOIN container_snapshots AS before
        ON before.node_id = after.node_id AND before.container_id = after.container_id
        AND before.seen_until = after.seen_from
    WHERE after.seen_from >= changes.since AND after.seen_from < changes.until
      AND after.seen_until > changes.since  -- leaves the days before it unread
    UNION ALL
    SELECT gone.seen_until, 'disappeared', gone.container_id, gone.name, gone.image, '{}', NULL::text, NULL::timestamptz
    FROM target
    JOIN container_snapshots AS gone ON gone.node_id = target.id
    WHERE gone.seen_until >= changes.since AND gone.seen_until < changes.until
      AND NOT EXISTS (
          SELECT FROM container_snapshots AS next
          WHERE next.node_id = gone.node_id AND next.container_id = gone.container_id
            AND next.seen_from = gone.seen_until AND next.seen_until > gone.seen_until)
    UNION ALL
    SELECT
        gap.gap_from,
        CASE gap.kind WHEN 'state' THEN 'not_seen' ELSE 'events_lost' END,
        NULL, NULL, NULL, '{}', gap.reason, nullif(gap.gap_until, 'infinity')
    FROM target JOIN node_gaps AS gap ON gap.node_id = target.id
    WHERE gap.gap_from < changes.until AND gap.gap_until > changes.since
$$;
COMMENT ON FUNCTION dashboard.changes IS
    'What changed on a node from since on and before until, and when that is not known: change is first_seen, appeared, changed (fields: name to [before, after]), disappeared, not_seen or events_lost (reason, lasted_until; null: it lasts).';

CREATE FUNCTION dashboard.restarts(node text, since timestamptz, until timestamptz)
RETURNS TABLE (
    at timestamptz, container_id text, name text, image text, died_at timestamptz, exit_code integer, oom_killed boolean,
    started_at timestamptz, unseen integer
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    WITH target AS (SELECT id FROM vps_nodes WHERE vps_nodes.name = restarts.node)
    SELECT
        death.recorded_at, death.container_id, death.name, death.image, death.time, death.exit_code,
        -- The kernel's word comes right before the end that it brings about.
        EXISTS (
            SELECT FROM events AS oom
            WHERE oom.node_id = death.node_id AND oom.container_id = death.container_id AND oom.action = 'oom'
              AND oom.time_nano BETWEEN death.time_nano - 10000000000 AND death.time_nano
              AND oom.recorded_at BETWEEN death.recorded_at - interval '1 hour' AND death.recorded_at),
        (SELECT min(start.time) FROM events AS start
         WHERE start.node_id = death.node_id AND start.container_id = death.container_id AND start.action = 'start'
           AND start.time_nano >= death.time_nano AND start.recorded_at >= death.recorded_at),
        0
    FROM target JOIN events AS death ON death.node_id = target.id
    WHERE death.action = 'die' AND death.kind = 'container'
      AND death.recorded_at >= restarts.since AND death.recorded_at < restarts.until
    UNION ALL
    -- Where events were lost, or the node was not seen, the restart count still tells how many there were.
    SELECT
        after.seen_from, after.container_id, after.name, after.image, NULL,
        CASE WHEN after.state IN ('exited', 'dead', 'restarting') THEN after.exit_code END,
        after.oom_killed, after.started_at,
        (after.restart_count - before.restart_count - told.deaths)::integer
    FROM target
    JOIN container_snapshots AS after ON after.node_id = target.id
    JOIN container_snapshots AS before
        ON before.node_id = after.node_id AND before.container_id = after.container_id
        AND before.seen_until = after.seen_from
    CROSS JOIN LATERAL (
        SELECT count(*) AS deaths FROM events AS death
        WHERE death.node_id = after.node_id AND death.container_id = after.container_id
          AND death.action = 'die' AND death.recorded_at = after.seen_from
    ) AS told
    WHERE after.seen_from >= restarts.since AND after.seen_from < restarts.until
      AND after.seen_until > restarts.since
      AND after.restart_count - before.restart_count > told.deaths
      AND EXISTS (
          SELECT FROM node_gaps AS gap
          WHERE gap.node_id = after.node_id AND after.seen_from > gap.gap_from AND after.seen_from <= gap.gap_until)
$$;
COMMENT ON FUNCTION dashboard.restarts IS
    'When containers of a node died, with what exit code, and when they were started again (null: not yet); unseen: how many restarts the engine counted whose events nobody saw.';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA dashboard FROM PUBLIC;
