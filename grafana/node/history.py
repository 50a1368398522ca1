"""What happened on a node, and how well it was seen meanwhile."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as sdk

from grafana import style
from grafana.node.choice import CHOSEN, NODE, OF_NODE
from grafana.page import Section, annotation, band, section
from grafana.panels import chart
from grafana.queries import SINCE, UNTIL, series, sql, sql_series
from grafana.tables import column, table


def sections() -> tuple[Section, Section]:
    """Make the sections."""
    return (
        section("What happened", band(9, _events(), _event_counts(), widths=(14, 10))),
        section("How well it is seen", band(8, _gaps(), _age(), _phases(), widths=(10, 7, 7))),
    )


# ---------------------------------------------------------------------------- what happened


def _events() -> sdk.Panel:
    return table(
        "Events",
        "What the engine reported, the newest first, 500 at most. *Time* is the engine's own clock.",
        sql(f"""
            SELECT time AS "Time", name AS "Container", action AS "What",
                exit_code AS "Exit code", image AS "Image"
            FROM dashboard.events
            WHERE {NODE} AND {CHOSEN} AND recorded_at BETWEEN {SINCE} AND {UNTIL}
            ORDER BY recorded_at DESC, time DESC
            LIMIT 500
        """),
        {
            "Time": column(width=190, unit=style.MOMENT),
            "Container": column(width=200),
            "What": column(width=200, values=_ACTIONS),
            "Exit code": column(width=95),
        },
        no_value="No event is known in this time range",
    )


_ACTIONS = {
    "oom": style.BAD,
    "die": style.WARNING,
    "health_status: unhealthy": style.BAD,
    "health_status: healthy": style.GOOD,
    "start": style.GOOD,
    "image_changed": style.CHANGING,
}


def _event_counts() -> sdk.Panel:
    return chart(
        "Events over time",
        "How many events of each kind came. A steady rhythm of *die* and *start* is a restart loop.",
        sql_series(f"""
            SELECT $__timeGroupAlias(recorded_at, $__interval), action AS metric, count(*)
            FROM dashboard.events
            WHERE {NODE} AND {CHOSEN} AND recorded_at BETWEEN {SINCE} AND {UNTIL}
            GROUP BY 1, 2 ORDER BY 1
        """),
        counts=True,
        colours={
            "oom": style.BAD,
            "die": style.WARNING,
            "start": style.GOOD,
            "image_changed": style.CHANGING,
        },
        no_value="No event is known in this time range",
    )


def new_images() -> sdk.AnnotationQuery:
    """Mark when a container of a name came with another image: what changed after it, changed with it."""
    return annotation(
        "New images",
        style.CHANGING,
        sql(f"""
            SELECT recorded_at AS time, name || ' runs another image: ' || image AS text
            FROM dashboard.events
            WHERE {NODE} AND {CHOSEN} AND action = 'image_changed'
                AND recorded_at BETWEEN {SINCE} AND {UNTIL}
            ORDER BY time
            LIMIT 500
        """),
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
            WHERE {NODE} AND gap_from < {UNTIL} AND gap_until > {SINCE}
            ORDER BY gap_from DESC
            LIMIT 500
        """),
        {
            "From": column(width=190, unit=style.MOMENT),
            "Until": column(width=190, unit=style.MOMENT, absent="still"),
            "What": column(width=110),
        },
        no_value="No gap in this time range",
    )


def _age() -> sdk.Panel:
    return chart(
        "Data age",
        "Seconds since the node was last seen, over time. About as high as its interval is normal.",
        series(f"time() - vsa_node_last_success_timestamp_seconds{OF_NODE}", "age"),
        unit=style.SECONDS,
        colours={"age": style.CHANGING},
        no_value="It was never seen in this time range",
    )


def _phases() -> sdk.Panel:
    return chart(
        "Time a scrape takes",
        "Where the time of a scrape goes. It must stay well below the node's time-out; a slow `stats` is an"
        " old engine, a slow `connect` the network.",
        series(f"vsa_node_scrape_phase_seconds{OF_NODE}", "{{phase}}"),
        unit=style.SECONDS,
        stacked=True,
    )
