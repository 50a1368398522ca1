"""Fleet: what is wrong, where, and since when."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as sdk

from grafana import glance, page, style, watching
from grafana.page import TO_THING, band, link_to, node_link, section
from grafana.panels import bars, chart, stat, transformation
from grafana.queries import (
    CONTAINERS,
    ERROR,
    NODES,
    SINCE,
    UNTIL,
    now,
    per_second,
    rows,
    series,
    sql,
)
from grafana.tables import column, hidden, keep, table

_THIS_NODE = link_to("vsa-node", "Open this node", node="${__field.labels.node}")


def dashboard() -> sdk.Dashboard:
    """Make the dashboard."""
    return page.dashboard(
        "vsa-fleet",
        "What is wrong, where, and since when. Read it from the top; a node's name opens its page.",
        band(4, *glance.tiles(), _gaps()),
        section(
            "Wrong now",
            band(8, _nodes_in_trouble(), _alerts(), widths=(14, 10)),
            band(9, _containers_in_trouble()),
        ),
        section("Busiest", band(8, _cpu(), _memory(), _restarts())),
        section("Over time", band(8, _nodes_over_time(), _containers_over_time(), _deaths())),
        watching.section(),
        since="now-3h",
    )


# ---------------------------------------------------------------------------- at a glance


def _gaps() -> sdk.Panel:
    return stat(
        "Gaps",
        "Times within this time range in which a node was not seen, or its engine lost events. What happened"
        " in a gap is unknown; the node's page shows where they lie.",
        sql(f"""
            SELECT count(*)
            FROM dashboard.gaps JOIN dashboard.nodes USING (node)
            WHERE enabled AND gap_from < {UNTIL} AND gap_until > {SINCE}
        """),
        steps=style.ANY_IS_WARNING,
    )


# ---------------------------------------------------------------------------- wrong now


def _nodes_in_trouble() -> sdk.Panel:
    return table(
        "Nodes in trouble",
        "Nodes whose last scrape failed. *down*: its data no longer counts as now. *failing*: it was seen a"
        " moment ago. *never answered*: check its URL and keys. Next: `vsa node check NAME`. *named twice*: one"
        " engine, or a clone of it, is several nodes.",
        sql(f"""
            SELECT node AS "Node",
                CASE node_state WHEN 'up' THEN 'named twice' ELSE node_state END AS "State",
                last_success_at AS "Last seen", failure_reason AS "Reason",
                coalesce(failure_detail, 'same engine: ' || same_engine) AS "What happened",
                consecutive_failures AS "Failures"
            FROM {NODES}
            WHERE node_state NOT IN ('up', 'disabled') OR same_engine IS NOT NULL
            ORDER BY last_success_at NULLS FIRST, node
            LIMIT 500
        """),
        {
            "Node": column(width=140, link=node_link()),
            "State": column(width=125, values=style.NODE_STATES | {"named twice": style.WARNING}),
            "Last seen": column(width=125, unit=style.AGO),
            "Reason": column(width=105),
            "What happened": column(wrap=True),
            "Failures": column(width=95),
        },
        no_value="Every node answers",
    )


def _alerts() -> sdk.Panel:
    return table(
        "Alerts firing",
        "What Prometheus tells Alertmanager now, and since when it holds. docs/runbook.md says for each alert"
        " what it means, how to check it and what to do.",
        rows("""
            label_replace(label_replace(label_replace(
                label_join(
                    ALERTS_FOR_STATE * 1000 and ignoring (alertstate) ALERTS{alertstate="firing"},
                    "where", " ", "node", "name", "domain", "port"
                ),
                "page", "vsa-fleet", "", ""),
                "page", "vsa-node", "node", ".+"),
                "page", "vsa-certificates", "domain", ".+")
        """),
        {
            "Alert": column(width=190),
            "Where": column(link=TO_THING),
            "Severity": column(width=95, values=style.SEVERITIES),
            "Since": column(width=125, unit=style.AGO),
            **dict.fromkeys(("page", "node", "domain"), hidden()),
        },
        no_value="No alert is firing",
        transformations=[
            keep(
                alertname="Alert",
                where="Where",
                severity="Severity",
                Value="Since",
                page="page",
                node="node",
                domain="domain",
            ),
            transformation("sortBy", fields={}, sort=[{"field": "Since", "desc": True}]),
        ],
    )


def _containers_in_trouble() -> sdk.Panel:
    return table(
        "Containers in trouble",
        "Containers that fail their health check, are restarting, were killed for memory, or ended with an"
        " exit code other than 0, 130 or 143; those of nodes that are down are not known. *Since*: how long"
        " they have been so. On the node: `docker logs --tail 100 NAME`. One that is meant to be gone:"
        " `docker rm NAME`.",
        sql(f"""
            SELECT node AS "Node", name AS "Container", condition AS "State", seen_from AS "Since",
                exit_code AS "Exit code", restart_count AS "Restarts",
                restart_policy AS "Restart policy", image AS "Image", {ERROR} AS "Error"
            FROM {CONTAINERS}
            WHERE in_trouble
            ORDER BY seen_from DESC, node, name
            LIMIT 500
        """),
        {
            "Node": column(width=170, link=node_link()),
            "Container": column(width=240),
            "State": column(width=130, values=style.CONDITIONS),
            "Since": column(width=140, unit=style.AGO),
            "Exit code": column(width=100),
            "Restarts": column(width=100),
            "Restart policy": column(width=130),
        },
        no_value="No container is in trouble",
    )


# ---------------------------------------------------------------------------- busiest


def _cpu() -> sdk.Panel:
    return bars(
        "CPU used by containers",
        "The ten nodes whose containers use most of their cores now. Beyond 80 % containers wait for each"
        " other: the node's page shows which one it is.",
        now(
            f"""
            sort_desc(topk(10,
                sum by (node) ({per_second("container_cpu_usage_seconds_total")})
                / max by (node) (machine_cpu_cores)
            ))
            """,
            "{{node}}",
        ),
        unit=style.PERCENT,
        steps=style.FILLING,
        maximum=1,
        links=[_THIS_NODE],
    )


def _memory() -> sdk.Panel:
    return bars(
        "Memory used by containers",
        "The ten nodes whose containers use most of their memory now, without what the kernel can drop at"
        " once. Beyond 95 % the kernel soon kills something.",
        now(
            """
            sort_desc(topk(10,
                sum by (node) (container_memory_working_set_bytes) / max by (node) (machine_memory_bytes)
            ))
            """,
            "{{node}}",
        ),
        unit=style.PERCENT,
        steps=style.FILLING,
        maximum=1,
        links=[_THIS_NODE],
    )


def _restarts() -> sdk.Panel:
    return table(
        "Restarts",
        "The containers that their engine restarted most in this time range. One that keeps restarting fails"
        " at start: read its last words with `docker logs --tail 100 NAME`.",
        rows("""
            sort_desc(topk(20,
                round(max by (node, name) (increase(vsa_container_restarts[$__range]))) > 0
            ))
        """),
        {
            "Node": column(width=170, link=node_link()),
            "Restarts": column(width=95, steps=((None, style.WARNING), (10, style.BAD))),
        },
        no_value="No container was restarted",
        transformations=[keep(node="Node", name="Container", Value="Restarts")],
    )


# ---------------------------------------------------------------------------- over time


def _nodes_over_time() -> sdk.Panel:
    return chart(
        "Nodes",
        "Nodes that answered in time, and those that did not. Many at once going down: look at the"
        " collector and its network before you look at the nodes.",
        series("count(vsa_node_up == 1)", "up"),
        series("count(vsa_node_up == 0)", "down"),
        stacked=True,
        colours={"up": style.GOOD, "down": style.BAD},
    )


def _containers_over_time() -> sdk.Panel:
    return chart(
        "Containers by state",
        "Containers of all nodes that answer. A step down without a node going down: something was stopped.",
        series("sum by (state) (vsa_node_containers) > 0", "{{state}}"),
        stacked=True,
        colours={
            "running": style.GOOD,
            "exited": style.OFF,
            "restarting": style.WARNING,
            "dead": style.BAD,
            "created": style.CHANGING,
        },
    )


_DEATHS = 'vsa_container_events_total{event=~"die|oom|restart"}'


def _deaths() -> sdk.Panel:
    return chart(
        "Deaths and memory kills",
        "How often containers died, were restarted by hand or were killed for memory. Deaths come with"
        " every deployment; memory kills never should: raise the limit, or find what grows.",
        series(f"60 * sum by (event) ({per_second(_DEATHS)})", "{{event}}"),
        unit=style.PER_MINUTE,
        colours={"die": style.WARNING, "oom": style.BAD, "restart": style.CHANGING},
    )
