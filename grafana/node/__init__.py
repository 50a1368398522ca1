"""Node: one Docker host, its containers and their states over time, what they use, what happened."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as sdk

from grafana import page, style
from grafana.node import containers, history, usage
from grafana.node.choice import NODE, OF_NODE
from grafana.page import band, query_variable
from grafana.panels import stat
from grafana.queries import CONTAINERS, NODES, SEEN, SINCE, UNTIL, Sql, now, per_second, sql
from grafana.tables import column, table


def dashboard() -> sdk.Dashboard:
    """Make the dashboard."""
    return page.dashboard(
        "vsa-node",
        "One Docker host: is it seen, how are its containers, what do they use, what happened to them.",
        band(4, *_glance()),
        band(4, _about(), _engine(), widths=(13, 11)),
        containers.section(),
        usage.section(),
        *history.sections(),
        variables=_variables(),
        annotations=(history.new_images(),),
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
            WHERE {NODE} AND seen_from <= {UNTIL} AND seen_until >= {SINCE} ORDER BY name
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
        sql(f"SELECT node_state AS state FROM {NODES} WHERE {NODE}"),
        unit=style.PLAIN,
        values=style.NODE_STATES,
        text_field="state",
        no_value="no node yet",
    )


def _last_seen() -> sdk.Panel:
    return stat(
        "Data age",
        "Time since the last successful scrape. Everything below is as it was then.",
        now(f"time() - vsa_node_last_success_timestamp_seconds{OF_NODE}"),
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
    counted = f"SELECT count(*) FROM {CONTAINERS} WHERE {NODE} AND {condition}"
    return sql(f"SELECT ({counted}) FROM {NODES} WHERE {NODE} AND {SEEN}")


def _cpu_share() -> sdk.Panel:
    used = per_second(f"container_cpu_usage_seconds_total{OF_NODE}")
    return stat(
        "CPU",
        "Share of the node's cores that its containers use. What runs outside of containers is not in it.",
        now(f"sum({used}) / max(machine_cpu_cores{OF_NODE})"),
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
            f"sum(container_memory_working_set_bytes{OF_NODE}) / max(machine_memory_bytes{OF_NODE})"
        ),
        unit=style.PERCENT,
        steps=style.FILLING,
        decimals=1,
        no_value="unknown",
    )


def _counts() -> tuple[sdk.Panel, ...]:
    restarts = f"""
        SELECT count(*) FROM dashboard.events
        WHERE {NODE} AND action = 'die' AND recorded_at BETWEEN {SINCE} AND {UNTIL}
    """
    gaps = f"""
        SELECT count(*) FROM dashboard.gaps
        WHERE {NODE} AND gap_from < {UNTIL} AND gap_until > {SINCE}
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
        "Why the last scrape failed, if it did, and when the last one succeeded.",
        sql(f"""
            SELECT failure_reason AS "Reason", failure_detail AS "What happened",
                last_success_at AS "Last seen", consecutive_failures AS "Failures",
                labels::text AS "Labels", enabled AS "Watched"
            FROM dashboard.nodes WHERE {NODE}
        """),
        {
            "Reason": column(width=110, steps=((None, style.BAD),)),
            "Last seen": column(width=170, unit=style.MOMENT),
            "Failures": column(width=90),
            "Watched": column(width=90),
        },
        no_value="No node is watched yet: add one with vsa node add",
    )


def _engine() -> sdk.Panel:
    return table(
        "Its engine",
        "What the engine says of itself. *Same engine*: several nodes have this engine's id, so one was"
        " registered twice or cloned; the runbook's VsaNodeDuplicateEngine says what to do.",
        sql(f"""
            SELECT same_engine AS "Same engine", engine_version AS "Engine", api_version AS "API",
                operating_system AS "System", swarm_role AS "Swarm", engine_warnings AS "Warnings"
            FROM dashboard.nodes WHERE {NODE} AND engine_version IS NOT NULL
        """),
        {
            "Same engine": column(width=130, steps=((None, style.WARNING),)),
            "Engine": column(width=90),
            "API": column(width=60),
            "Swarm": column(width=85),
            "Warnings": column(wrap=True),
        },
        no_value="It never answered",
    )
