"""Audit: who changed what, who was refused, and whether the trail is whole."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as sdk

from grafana import page, style
from grafana.page import band, query_variable, section, text_variable
from grafana.panels import chart, note, stat, transformation
from grafana.queries import chosen, rows, sql, sql_series
from grafana.tables import column, table

_RESULTS = {"ok": style.GOOD, "refused": style.BAD}
_ACTIONS = {
    "node.create": style.GOOD,
    "node.update": style.CHANGING,
    "node.delete": style.WARNING,
    "domain.create": style.GOOD,
    "domain.update": style.CHANGING,
    "domain.delete": style.WARNING,
    "token.create": style.UNKNOWN,
    "token.revoke": style.UNKNOWN,
    "database.restore": style.WARNING,
    "auth.refused": style.BAD,
}
_SEARCHED = "concat_ws(' ', actor, action, target, before, after, address, request_id)"
# Grafana's sqlstring writes a backslash before a double quote, which PostgreSQL keeps.
_WORDS = r"""replace(${search:sqlstring}, '\"', '"')"""
_IN_RANGE = "SELECT * FROM dashboard.audit WHERE $__timeFilter(timestamp)"
_CHOSEN = f"""
    {_IN_RANGE}
        AND {chosen("actor", "actor")} AND {chosen("action", "action")}
        AND (${{target:sqlstring}} = '' OR target = ${{target:sqlstring}})
        AND ({_WORDS} = '' OR position(lower({_WORDS}) IN lower({_SEARCHED})) > 0)
"""
# A domain's target is a number, which says nothing; those of others are their names.
_NAME = """CASE WHEN target LIKE 'domain/%' THEN
    coalesce(after ->> 'name' || ':' || (after ->> 'port'), before ->> 'name' || ':' || (before ->> 'port'))
END"""
# A column begins at its first moment: a wide one would begin left of a short time range, unseen.
_COLUMNS = "1m", 100
_VERIFY = """\
The trail is a chain: each entry's hash covers the entry and the hash before it, so none can be changed or taken out
unseen. What a chain cannot show by itself is that its **end** was cut off: for that, keep the head beside, off this host.

| to | run |
| --- | --- |
| check the whole trail | `vsa audit verify` |
| keep it, with its head | `vsa audit export -o trail.ndjson` (the head is told on stderr) |
| check a kept file, and that a head is in it | `vsa audit verify --head HASH trail.ndjson` |
| give a spreadsheet to an auditor | `vsa audit export --format csv --since 2160h -o quarter.csv` |
"""


def dashboard() -> sdk.Dashboard:
    """Make the dashboard."""
    return page.dashboard(
        "vsa-audit",
        "Who changed what, newest first; who was refused; and how to prove that the trail is whole.",
        band(4, *_tiles()),
        band(14, _changes()),
        section("Over time", band(8, _by_actor(), _by_action())),
        section("Who was refused", band(8, _refused(), _refusals(), widths=(15, 9))),
        section("Is the trail whole?", band(8, _head(), _verify(), widths=(11, 13))),
        variables=_filters(),
        since="now-7d",
        refresh="1m",
    )


def _filters() -> tuple[sdk.VariableModel, ...]:
    return (
        query_variable(
            "actor",
            "Actor",
            "The token that did it; `unknown` where it was none of ours.",
            f"SELECT DISTINCT actor FROM ({_IN_RANGE}) AS entry ORDER BY actor",
            several=True,
        ),
        query_variable(
            "action",
            "Action",
            "What was done.",
            f"SELECT DISTINCT action FROM ({_IN_RANGE}) AS entry ORDER BY action",
            several=True,
        ),
        text_variable(
            "target", "Target", "Exactly this one: node/web-1, domain/7, token/deploy. Empty: all."
        ),
        text_variable(
            "search",
            "Search",
            "Any part of actor, action, target, what stood before or after, address or request.",
        ),
    )


# ---------------------------------------------------------------------------- at a glance


def _tiles() -> tuple[sdk.Panel, ...]:
    return (
        stat(
            "Entries",
            "Entries in this time range that the filters above let through.",
            sql(f"SELECT count(*) FROM ({_CHOSEN}) AS entry"),
        ),
        stat(
            "Actors",
            "How many different actors they have.",
            sql(f"SELECT count(DISTINCT actor) FROM ({_CHOSEN}) AS entry"),
        ),
        stat(
            "Deleted",
            "Nodes and domains that are watched no more, and tokens revoked.",
            sql(
                f"SELECT count(*) FROM ({_CHOSEN}) AS entry WHERE action ~ '[.](delete|revoke)\\Z'"
            ),
            steps=style.ANY_IS_WARNING,
        ),
        stat(
            "Refused",
            "Attempts with a token that is not ours, or whose role does not suffice. The tables below tell from where.",
            sql(f"SELECT count(*) FROM ({_CHOSEN}) AS entry WHERE result <> 'ok'"),
            steps=style.ANY_IS_BAD,
        ),
        stat(
            "Entries ever",
            "Entries in the whole trail, whatever the time range and the filters.",
            sql("SELECT count(*) FROM dashboard.audit"),
        ),
        stat(
            "Missing",
            "Entries count from 1 without a hole: any that is missing was removed. Zero does not prove that the trail"
            " is whole: `vsa audit verify` does.",
            sql("SELECT coalesce(max(id), 0) - count(*) FROM dashboard.audit"),
            steps=style.ANY_IS_BAD,
        ),
    )


# ---------------------------------------------------------------------------- entries


def _changes() -> sdk.Panel:
    return table(
        "Who changed what",
        "Newest first, 1,000 at most. *Changes*: a line a field, before → after. *Name*: a domain's, for its target is a"
        " number. All of it, also as a file: `vsa audit list`, `vsa audit export`.",
        sql(f"""
            SELECT timestamp AS "Time", actor AS "Actor", action AS "Action", target AS "Target",
                changes AS "Changes", {_NAME} AS "Name", result AS "Result", address AS "From",
                request_id AS "Request", id AS "#"
            FROM ({_CHOSEN}) AS entry
            ORDER BY id DESC
            LIMIT 1000
        """),
        {
            "Time": column(width=170, unit=style.MOMENT),
            "Actor": column(width=120),
            "Action": column(width=130, values=_ACTIONS),
            "Target": column(width=200, link=_target_link()),
            "Name": column(width=160),
            "Changes": column(at_least=320, wrap=True),
            "Result": column(width=80, values=_RESULTS),
            "From": column(width=130),
            "Request": column(width=130),
            "#": column(width=70),
        },
        no_value="No entry in this time range passes the filters",
    )


def _target_link() -> sdk.DashboardLink:
    return page.link_to("vsa-audit", "All that happened to it", target="${__data.fields.Target}")


def _by_actor() -> sdk.Panel:
    made = chart(
        "Entries by actor",
        "When who was at work. Changes at an hour at which nobody works, or by a token that should rest, deserve a look.",
        sql_series(f"""
            SELECT $__timeGroupAlias(timestamp, $__interval), actor AS metric, count(*) AS entries
            FROM ({_CHOSEN}) AS entry
            GROUP BY 1, 2
            ORDER BY 1, 2
        """),
        counts=True,
        no_value="No entry in this time range",
    )
    made.interval, made.max_data_points = _COLUMNS
    return made


def _by_action() -> sdk.Panel:
    return table(
        "Who did what",
        "Entries by actor and action, with the last of each.",
        sql(f"""
            SELECT actor AS "Actor", action AS "Action", count(*) AS "Entries",
                count(DISTINCT target) AS "Targets", max(timestamp) AS "Last"
            FROM ({_CHOSEN}) AS entry
            GROUP BY 1, 2
            ORDER BY 3 DESC, 1, 2
            LIMIT 500
        """),
        {
            "Action": column(width=130, values=_ACTIONS),
            "Entries": column(width=170, unit=style.COUNT, gauge=True),
            "Targets": column(width=90),
            "Last": column(width=140, unit=style.AGO),
        },
        no_value="No entry in this time range",
    )


# ---------------------------------------------------------------------------- refused


def _refused() -> sdk.Panel:
    return table(
        "Refused attempts",
        "By whom, from where and on what. `unknown`: a token that is not known, or revoked; at most one a minute and"
        " address is written down. Many from one address: somebody is guessing, or a script kept an old token.",
        sql(f"""
            SELECT actor AS "Actor", address AS "From", target AS "On", count(*) AS "Attempts",
                min(timestamp) AS "First", max(timestamp) AS "Last"
            FROM ({_CHOSEN}) AS entry
            WHERE result <> 'ok'
            GROUP BY 1, 2, 3
            ORDER BY "Last" DESC
            LIMIT 500
        """),
        {
            "Actor": column(width=140),
            "From": column(width=140),
            "Attempts": column(width=105),
            "First": column(width=170, unit=style.MOMENT),
            "Last": column(width=170, unit=style.MOMENT),
        },
        no_value="Nobody was refused in this time range",
    )


def _refusals() -> sdk.Panel:
    made = chart(
        "Refused attempts over time",
        "By address. A steady row is a script with an old token; a burst is somebody who tries.",
        sql_series(f"""
            SELECT $__timeGroupAlias(timestamp, $__interval), address AS metric, count(*) AS attempts
            FROM ({_CHOSEN}) AS entry
            WHERE result <> 'ok'
            GROUP BY 1, 2
            ORDER BY 1, 2
        """),
        counts=True,
        no_value="Nobody was refused in this time range",
    )
    made.interval, made.max_data_points = _COLUMNS
    return made


# ---------------------------------------------------------------------------- proof


def _head() -> sdk.Panel:
    return table(
        "Head",
        "Hash of the newest entry, as the exporter tells it. A head that was kept elsewhere shows later whether the end"
        " of the trail was cut: Prometheus keeps those of its retention.",
        rows("max by (hash) (vsa_audit_head_info)"),
        {"Hash": column(at_least=540)},
        no_value="The exporter is not scraped",
        transformations=[
            transformation(
                "organize",
                renameByName={"hash": "Hash"},
                excludeByName={"Time": True, "Value": True},
            )
        ],
    )


def _verify() -> sdk.Panel:
    return note(
        "How to prove it", "Commands for whoever has to show that nobody tampered with it.", _VERIFY
    )
