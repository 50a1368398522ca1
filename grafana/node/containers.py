"""The containers of a node: their states over time, and what they are now."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as sdk

from grafana import page, style
from grafana.node.choice import CHOSEN, NODE
from grafana.page import band
from grafana.panels import timeline
from grafana.queries import CONDITION, CONTAINERS, ERROR, SINCE, UNTIL, sql
from grafana.tables import column, table


def section() -> page.Section:
    """Make the section."""
    return page.section("Containers", band(11, _states()), band(10, _containers()))


def _states() -> sdk.Panel:
    return timeline(
        "States",
        "The state of each container over time. Purple: the node was not seen, so nothing is known. A name"
        " that changes to nothing was removed; the same name afterwards is a new container.",
        sql(STATES),
        style.CONDITIONS,
        row="container",
        no_value="No container was seen in this time range",
    )


# A point wherever the state of a name changes. Of points at one moment the lowest rank holds: an end
# counts only where nothing begins, and within a gap nothing is known. Then every name gets a state at
# every moment at which any of them changed, for a timeline draws nothing where it finds no value.
STATES = f"""
WITH seen AS (
    SELECT name, {CONDITION} AS state, seen_from, seen_until
    FROM dashboard.container_history
    WHERE {NODE} AND {CHOSEN} AND seen_from <= {UNTIL} AND seen_until >= {SINCE}
), missed AS (
    SELECT name, state, seen_from, seen_until, gap_from, gap_until
    FROM seen JOIN dashboard.gaps ON seen_from < gap_until AND seen_until >= gap_from
    WHERE {NODE} AND kind = 'state' AND gap_from <= {UNTIL} AND gap_until >= {SINCE}
), points AS (
    SELECT greatest(seen_from, {SINCE}) AS at, name, state, 1 AS rank FROM seen
    UNION ALL
    SELECT seen_until, name, 'gone', 2 FROM seen
    UNION ALL
    SELECT greatest(gap_from, seen_from, {SINCE}), name, 'unknown', 0 FROM missed
    UNION ALL
    SELECT gap_until, name, state, 1 FROM missed WHERE seen_until > gap_until
    UNION ALL
    SELECT gap_until, name, 'gone', 2 FROM missed WHERE seen_until <= gap_until
), drawn AS (
    SELECT DISTINCT ON (name, time) name, state,
        date_bin(make_interval(secs => $__interval_ms / 1000.0), at, {SINCE}) AS time
    FROM points
    WHERE at BETWEEN {SINCE} AND {UNTIL}
    ORDER BY name, time, at DESC, rank
), filled AS (
    SELECT time, name, state, count(state) OVER (PARTITION BY name ORDER BY time) AS run
    FROM (SELECT DISTINCT time FROM drawn) AS moments
    CROSS JOIN (SELECT DISTINCT name FROM drawn) AS names
    LEFT JOIN drawn USING (time, name)
)
SELECT time, name AS container,
    coalesce(first_value(state) OVER (PARTITION BY name, run ORDER BY time), 'gone') AS state
FROM filled
ORDER BY time, container
"""


def _containers() -> sdk.Panel:
    return table(
        "Containers",
        "Every container of the node, those in trouble first; *unknown* while the node is not seen, and what"
        " it was then. On the node: `docker logs --tail 100 NAME`, `docker inspect NAME`.",
        sql(f"""
            SELECT name AS "Container", condition AS "State", seen_from AS "Since",
                exit_code AS "Exit code", restart_count AS "Restarts",
                restart_policy AS "Restart policy", started_at AS "Started",
                left(container_id, 12) AS "Id", image AS "Image",
                CASE WHEN NOT seen THEN last_condition END AS "Last seen", {ERROR} AS "Error"
            FROM {CONTAINERS}
            WHERE {NODE} AND {CHOSEN}
            ORDER BY in_trouble DESC, name
        """),
        {
            "Container": column(width=240),
            "State": column(width=130, values=style.CONDITIONS),
            "Last seen": column(width=130),
            "Since": column(width=140, unit=style.AGO),
            "Exit code": column(width=95),
            "Restarts": column(width=95),
            "Restart policy": column(width=130),
            "Started": column(width=190, unit=style.MOMENT),
            "Id": column(width=130),
        },
        no_value="The node has no container",
    )
