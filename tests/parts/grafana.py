"""What Grafana does with a dashboard's SQL before it sends it: variables first, then macros.

As its documentation has it (Data sources, PostgreSQL, query editor; Dashboards, variable syntax).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DASHBOARDS = Path(__file__).parents[2] / "grafana" / "dashboards"
POSTGRESQL = "grafana-postgresql-datasource"

Value = str | Sequence[str]
_VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\$(\w+)\b(?!\()")
_MACRO = re.compile(r"\$(\w+)\(([^)]*)\)")
_SPECIAL = re.compile(r"[\\^$*+?.()|[\]{}/]")
_BUILT_IN = {"__interval": "1h", "__interval_ms": "3600000"}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Asked:
    """One SQL statement of a dashboard and where it stands."""

    place: str
    statement: str

    def __str__(self) -> str:
        return self.place


@dataclass(frozen=True, slots=True)
class Raw:
    """The custom value of All: Grafana writes it as it stands, whatever the format."""

    text: str


@dataclass(frozen=True, slots=True)
class Range:
    """The time range that a person looks at."""

    since: datetime
    until: datetime


def dashboards() -> list[dict[str, Any]]:
    """Read every dashboard that is shipped."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(DASHBOARDS.glob("*"))]


def asked(dashboard: Mapping[str, Any]) -> Iterator[Asked]:
    """Yield every statement that a dashboard sends to PostgreSQL: of variables, annotations, panels."""
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query" and variable["datasource"]["type"] == POSTGRESQL:
            yield Asked(f"{dashboard['uid']} ${variable['name']}", _definition(variable))
    for annotation in dashboard["annotations"]["list"]:
        yield _asked(dashboard, annotation["name"], annotation["target"])
    for panel in panels(dashboard):
        for target in panel.get("targets") or ():
            if target["datasource"]["type"] == POSTGRESQL:
                yield _asked(dashboard, panel.get("title") or panel["id"], target)


def _asked(dashboard: Mapping[str, Any], title: str, target: Mapping[str, Any]) -> Asked:
    return Asked(f"{dashboard['uid']} {title} {target['refId']}", target["rawSql"])


def statement_of(uid: str, title: str) -> str:
    """Return the statement of the panel or annotation of this title."""
    (board,) = (board for board in dashboards() if board["uid"] == uid)
    (found,) = (each for each in asked(board) if each.place == f"{uid} {title} A")
    return found.statement


def panels(dashboard: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the panels, those of folded rows too."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels") or ()


def choose(
    dashboard: Mapping[str, Any], offered: Callable[[str], Sequence[str]], span: Range
) -> dict[str, Value | Raw]:
    """Return the variables as a person finds them: All, or the first that its query offers."""
    found: dict[str, Value | Raw] = {}
    for variable in dashboard["templating"]["list"]:
        name = variable["name"]
        if variable["type"] == "query" and variable["datasource"]["type"] == POSTGRESQL:
            options = offered(expand(_definition(variable), found, span))
            chosen: Value | Raw = options[0] if options else ""
            found[name] = Raw(variable["allValue"]) if variable["includeAll"] else chosen
        elif variable["type"] != "datasource":
            found[name] = variable.get("query") or ""
    return found


def expand(statement: str, values: Mapping[str, Value | Raw], span: Range) -> str:
    """Return the statement as PostgreSQL gets it. KeyError or ValueError for what Grafana lacks."""
    bound = _VARIABLE.sub(lambda found: _variable(found, values), statement)
    return _MACRO.sub(lambda found: _macro(found[1], found[2], span), bound)


def _definition(variable: Mapping[str, Any]) -> str:
    query = variable["query"]
    text: str = query if isinstance(query, str) else query["rawSql"]
    return text


def _variable(found: re.Match[str], values: Mapping[str, Value | Raw]) -> str:
    name = found[1] or found[3]
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    value = values[name]
    is_closed_in = found.string.count("$$", 0, found.start()) % 2 == 1
    if isinstance(value, Raw) and is_closed_in:
        return value.text
    if not isinstance(value, Raw):
        parts = [value] if isinstance(value, str) else value
        if found[2] == "regex" and is_closed_in:
            return _alternatives(parts)
        if found[2] == "sqlstring":
            return ",".join(map(_quoted, parts))
    raise ValueError(f"a name with a quote would break out of SQL at ${name}")


def _alternatives(values: Sequence[str]) -> str:
    escaped = [_SPECIAL.sub(r"\\\g<0>", value) for value in values]
    return escaped[0] if len(escaped) == 1 else "({})".format("|".join(escaped))


def _quoted(value: str) -> str:
    # The double quote's backslash is Grafana's own; PostgreSQL takes it as a character.
    return "'" + value.replace("'", "''").replace('"', '\\"') + "'"


def _macro(name: str, arguments: str, span: Range) -> str:
    first, *rest = (argument.strip() for argument in arguments.split(","))
    match name:
        case "__timeFilter":
            return f"{first} BETWEEN '{_moment(span.since)}' AND '{_moment(span.until)}'"
        case "__timeFrom":
            return f"'{_moment(span.since)}'"
        case "__timeTo":
            return f"'{_moment(span.until)}'"
        case "__timeGroup":
            return _group(first, rest[0])
        case "__timeGroupAlias":
            return f'{_group(first, rest[0])} AS "time"'
    raise ValueError(f"no macro that our dashboards use: ${name}")


def _group(column: str, interval: str) -> str:
    text = interval.strip("'")
    seconds = int(text[:-1]) * _SECONDS[text[-1]]
    return f"floor(extract(epoch from {column})/{seconds})*{seconds}"


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
