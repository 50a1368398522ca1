"""Node: one Docker host, its containers and their states over time, what they use, what happened."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as sdk

from grafana import page, style
from grafana.page import band, query_variable, section
from grafana.panels import bars, chart, stat, timeline
from grafana.queries import (
    CONDITION,
    CONTAINERS,
    NODES,
    SEEN,
    SINCE,
    UNTIL,
    Sql,
    chosen,
    now,
    per_second,
    series,
    sql,
    sql_series,
)
from grafana.tables import column, table

_NODE = "node = ${node:sqlstring}"
_CHOSEN = chosen("name", "container")
_OF_NODE = '{node="$node"}'
_OF_CHOSEN = '{node="$node", name=~"$container"}'


def dashboard() -> sdk.Dashboard:
    """Make the dashboard."""
    return page.dashboard(
        "vsa-node",
        "One Docker host: is it seen, how are its containers, what do they use, what happened to them.",
        band(4, *_glance()),
        band(4, _about()),
        section("Containers", band(11, _states()), band(10, _containers())),
        section(
            "What they use",
            band(9, _cpu(), _memory()),
            band(8, _received(), _sent(), _read(), _written()),
            band(8, _memory_limits(), _throttling()),
        ),
        section("What happened", band(9, _events(), _event_counts(), widths=(14, 10))),
        section("How well it is seen", band(8, _gaps(), _age(), _phases(), widths=(10, 7, 7))),
        variables=_variables(),
        since="now-3h",
    )


def _variables() -> tuple[sdk.VariableModel, ...]:
    return (
        query_variable(
            "node",
            "Node",
            "The Docker host that this page is about.",
            "SELECT node FROM dashboard.nodes ORDER BY node",
        ),
        query_variable(
            "container",
            "Container",
            "Containers of the node, by name; those of this time range, removed ones too.",
            f"""
            SELECT DISTINCT name FROM dashboard.container_history
            WHERE {_NODE} AND seen_from <= {UNTIL} AND seen_until >= {SINCE} ORDER BY name
            """,
            several=True,
        ),
    )


# ---------------------------------------------------------------------------- at a glance


def _glance() -> tuple[sdk.Panel, ...]:
    return (
        _state(),
        _last_seen(),
        _running(),
        _in_trouble(),
        _cpu_share(),
        _memory_share(),
        *_counts(),
    )


def _state() -> sdk.Panel:
    return stat(
        "State",
        "*down*: its data no longer counts as now. *failing*: the last scrape failed, but it was seen a moment"
        " ago. *never answered*: check its URL and keys. Next: `vsa node check NAME`.",
        sql(f"SELECT node_state AS state FROM {NODES} WHERE {_NODE}"),
        unit=style.PLAIN,
        values=style.NODE_STATES,
        text_field="state",
        no_value="no node yet",
    )


def _last_seen() -> sdk.Panel:
    return stat(
        "Data age",
        "Time since the last successful scrape. Everything below is as it was then.",
        now(f"time() - vsa_node_last_success_timestamp_seconds{_OF_NODE}"),
        unit=style.SECONDS,
        steps=style.AGE,
        decimals=0,
        no_value="never seen",
    )


def _running() -> sdk.Panel:
    return stat(
        "Running",
        "Containers that run.",
        _count("state = 'running'"),
        no_value="unknown",
    )


def _in_trouble() -> sdk.Panel:
    return stat(
        "Bad containers",
        "Containers that fail their health check, are restarting, were killed for memory, or ended with an"
        " exit code other than 0, 130 or 143.",
        _count("in_trouble"),
        steps=style.ANY_IS_BAD,
        no_value="unknown",
    )


def _count(condition: str) -> Sql:
    """Count containers; of a node that is not seen there is no number."""
    counted = f"SELECT count(*) FROM {CONTAINERS} WHERE {_NODE} AND {condition}"
    return sql(f"SELECT ({counted}) FROM {NODES} WHERE {_NODE} AND {SEEN}")


def _cpu_share() -> sdk.Panel:
    used = per_second(f"container_cpu_usage_seconds_total{_OF_NODE}")
    return stat(
        "CPU",
        "Share of the node's cores that its containers use. What runs outside of containers is not in it.",
        now(f"sum({used}) / max(machine_cpu_cores{_OF_NODE})"),
        unit=style.PERCENT,
        steps=style.FILLING,
        decimals=1,
        no_value="unknown",
    )


def _memory_share() -> sdk.Panel:
    return stat(
        "Memory",
        "Share of the node's memory that its containers hold, without what the kernel can drop at once.",
        now(
            f"sum(container_memory_working_set_bytes{_OF_NODE}) / max(machine_memory_bytes{_OF_NODE})"
        ),
        unit=style.PERCENT,
        steps=style.FILLING,
        decimals=1,
        no_value="unknown",
    )


def _counts() -> tuple[sdk.Panel, ...]:
    restarts = f"""
        SELECT count(*) FROM dashboard.events
        WHERE {_NODE} AND action = 'die' AND recorded_at BETWEEN {SINCE} AND {UNTIL}
    """
    gaps = f"""
        SELECT count(*) FROM dashboard.gaps
        WHERE {_NODE} AND gap_from < {UNTIL} AND gap_until > {SINCE}
    """
    return (
        stat(
            "Deaths",
            "How often a container of this node ended in this time range, for whatever reason. The events"
            " below tell which and with what exit code.",
            sql(restarts),
        ),
        stat(
            "Gaps",
            "Times in this time range for which the node's history is unknown; they are listed below.",
            sql(gaps),
            steps=style.ANY_IS_WARNING,
        ),
    )


def _about() -> sdk.Panel:
    return table(
        "About this node",
        "What its engine says of itself, and why the last scrape failed, if it did.",
        sql(f"""
            SELECT failure_reason AS "Reason", failure_detail AS "What happened",
                last_success_at AS "Last seen", consecutive_failures AS "Failures",
                engine_version AS "Engine", api_version AS "API", operating_system AS "System",
                labels::text AS "Labels", enabled AS "Watched"
            FROM dashboard.nodes WHERE {_NODE}
        """),
        {
            "Reason": column(width=110, steps=((None, style.BAD),)),
            "Last seen": column(width=190, unit=style.MOMENT),
            "Failures": column(width=90),
            "Engine": column(width=90),
            "API": column(width=70),
            "Watched": column(width=90),
        },
        no_value="No node is watched yet: add one with `vsa node add NAME URL`",
    )


# ---------------------------------------------------------------------------- containers


def _states() -> sdk.Panel:
    return timeline(
        "States",
        "The state of each container over time. Purple: the node was not seen, so nothing is known. A name"
        " that changes to nothing was removed; the same name afterwards is a new container.",
        sql(_STATES),
        style.CONDITIONS,
        row="container",
        no_value="No container was seen in this time range",
    )


# A point wherever the state of a name changes. Of points at one moment the lowest rank holds: an end
# counts only where nothing begins, and within a gap nothing is known. Then every name gets a state at
# every moment at which any of them changed, for a timeline draws nothing where it finds no value.
_STATES = f"""
WITH seen AS (
    SELECT name, {CONDITION} AS state, seen_from, seen_until
    FROM dashboard.container_history
    WHERE {_NODE} AND {_CHOSEN} AND seen_from <= {UNTIL} AND seen_until >= {SINCE}
), missed AS (
    SELECT name, state, seen_from, seen_until, gap_from, gap_until
    FROM seen JOIN dashboard.gaps ON seen_from < gap_until AND seen_until >= gap_from
    WHERE {_NODE} AND kind = 'state' AND gap_from <= {UNTIL} AND gap_until >= {SINCE}
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
            SELECT name AS "Container", condition AS "State",
                CASE WHEN NOT seen THEN last_condition END AS "Last seen", seen_from AS "Since",
                exit_code AS "Exit code", restart_count AS "Restarts",
                restart_policy AS "Restart policy", started_at AS "Started", error AS "Error",
                image AS "Image", left(container_id, 12) AS "Id"
            FROM {CONTAINERS}
            WHERE {_NODE} AND {_CHOSEN}
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


# ---------------------------------------------------------------------------- what they use


def _busiest(used: str, counter: str) -> str:
    """Keep the fifteen containers that used most in the whole time range; a chart of all is unreadable."""
    return f"({used}) and on (name) topk(15, sum by (name) ({counter}))"


def _rates(counter: str) -> str:
    selected = f"{counter}{_OF_CHOSEN}"
    used = f"sum by (name) ({per_second(selected)})"
    return _busiest(used, f"rate({selected}[$__range] @ end())")


def _cpu() -> sdk.Panel:
    return chart(
        "CPU",
        "Cores that each container uses; the fifteen that used most in this time range.",
        series(_rates("container_cpu_usage_seconds_total"), "{{name}}"),
        unit=style.CORES,
        stacked=True,
    )


def _memory() -> sdk.Panel:
    used = f"container_memory_working_set_bytes{_OF_CHOSEN}"
    return chart(
        "Memory",
        "Memory that each container holds, without what the kernel can drop at once; the fifteen that held"
        " most in this time range. One that only ever rises leaks.",
        series(
            _busiest(f"sum by (name) ({used})", f"avg_over_time({used}[$__range] @ end())"),
            "{{name}}",
        ),
        unit=style.BYTES,
        stacked=True,
    )


def _received() -> sdk.Panel:
    return _flow(
        "Received", "network_receive", "Bytes that each container received over its networks."
    )


def _sent() -> sdk.Panel:
    return _flow("Sent", "network_transmit", "Bytes that each container sent over its networks.")


def _read() -> sdk.Panel:
    return _flow("Read", "fs_reads", "Bytes that each container read from block devices.")


def _written() -> sdk.Panel:
    return _flow("Written", "fs_writes", "Bytes that each container wrote to block devices.")


def _flow(title: str, what: str, meaning: str) -> sdk.Panel:
    return chart(
        title,
        f"{meaning} The fifteen with most in this time range.",
        series(_rates(f"container_{what}_bytes_total"), "{{name}}"),
        unit=style.BYTES_PER_SECOND,
    )


def _memory_limits() -> sdk.Panel:
    return bars(
        "Memory, share of the limit",
        "Containers with a memory limit, the fullest first. At 100 % the kernel kills a process in it.",
        now(
            f"""
            sort_desc(topk(10, max by (name) (
                container_memory_working_set_bytes{_OF_CHOSEN}
                / (container_spec_memory_limit_bytes{_OF_CHOSEN} > 0)
            )))
            """,
            "{{name}}",
        ),
        unit=style.PERCENT,
        steps=style.FILLING,
        maximum=1,
        no_value="No container has a memory limit",
    )


def _throttling() -> sdk.Panel:
    throttled = per_second(f"container_cpu_cfs_throttled_periods_total{_OF_CHOSEN}")
    periods = per_second(f"container_cpu_cfs_periods_total{_OF_CHOSEN}")
    return chart(
        "CPU quota, share of time held back",
        "How often a container with a CPU quota had used it up and had to wait. Much of it makes answers"
        " slow while the node's CPU looks idle: raise the quota.",
        series(f"sum by (name) ({throttled}) / (sum by (name) ({periods}) > 0)", "{{name}}"),
        unit=style.PERCENT,
        maximum=1,
        no_value="No container has a CPU quota",
    )


# ---------------------------------------------------------------------------- what happened


def _events() -> sdk.Panel:
    return table(
        "Events",
        "What the engine reported, the newest first, 500 at most. *Time* is the engine's own clock.",
        sql(f"""
            SELECT time AS "Time", name AS "Container", action AS "What",
                exit_code AS "Exit code", kind AS "Kind", image AS "Image"
            FROM dashboard.events
            WHERE {_NODE} AND {_CHOSEN} AND recorded_at BETWEEN {SINCE} AND {UNTIL}
            ORDER BY recorded_at DESC, time DESC
            LIMIT 500
        """),
        {
            "Time": column(width=190, unit=style.MOMENT),
            "Container": column(width=200),
            "What": column(width=200, values=_ACTIONS),
            "Exit code": column(width=95),
            "Kind": column(width=100),
        },
        no_value="No event is known in this time range",
    )


_ACTIONS = {
    "oom": style.BAD,
    "die": style.WARNING,
    "health_status: unhealthy": style.BAD,
    "health_status: healthy": style.GOOD,
    "start": style.GOOD,
}


def _event_counts() -> sdk.Panel:
    return chart(
        "Events over time",
        "How many events of each kind came. A steady rhythm of *die* and *start* is a restart loop.",
        sql_series(f"""
            SELECT $__timeGroupAlias(recorded_at, $__interval), action AS metric, count(*)
            FROM dashboard.events
            WHERE {_NODE} AND {_CHOSEN} AND recorded_at BETWEEN {SINCE} AND {UNTIL}
            GROUP BY 1, 2 ORDER BY 1
        """),
        counts=True,
        colours={"oom": style.BAD, "die": style.WARNING, "start": style.GOOD},
        no_value="No event is known in this time range",
    )


# ---------------------------------------------------------------------------- how well it is seen


def _gaps() -> sdk.Panel:
    return table(
        "Gaps in its history",
        "*not seen*: the state of its containers is unknown. *events lost*: the engine kept fewer events than"
        " happened, so one that came and went between two scrapes may be missing. Ask it more often.",
        sql(f"""
            SELECT gap_from AS "From", nullif(gap_until, 'infinity') AS "Until",
                CASE kind WHEN 'state' THEN 'not seen' ELSE 'events lost' END AS "What",
                reason AS "Reason"
            FROM dashboard.gaps
            WHERE {_NODE} AND gap_from < {UNTIL} AND gap_until > {SINCE}
            ORDER BY gap_from DESC
            LIMIT 500
        """),
        {
            "From": column(width=190, unit=style.MOMENT),
            "Until": {**column(width=190, unit=style.MOMENT), "noValue": "still"},
            "What": column(width=110),
        },
        no_value="No gap in this time range",
    )


def _age() -> sdk.Panel:
    return chart(
        "Data age",
        "Seconds since the node was last seen, over time. About as high as its interval is normal.",
        series(f"time() - vsa_node_last_success_timestamp_seconds{_OF_NODE}", "age"),
        unit=style.SECONDS,
        colours={"age": style.CHANGING},
        no_value="It was never seen in this time range",
    )


def _phases() -> sdk.Panel:
    return chart(
        "Time a scrape takes",
        "Where the time of a scrape goes. It must stay well below the node's time-out; a slow `stats` is an"
        " old engine, a slow `connect` the network.",
        series(f"vsa_node_scrape_phase_seconds{_OF_NODE}", "{{phase}}"),
        unit=style.SECONDS,
        stacked=True,
    )
