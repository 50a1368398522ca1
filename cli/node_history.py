"""A node's past: how it was at a moment, what changed, what restarted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer
from rich.text import Text

from cli.answers import Change, PastContainer, PastNode, Restart, Unknown, decode, whole
from cli.connection import connect
from cli.options import Json, Since, Until, moment
from cli.output import BAD, QUIET, STRONG, WARN, print_json, say, table
from cli.words import count, second

if TYPE_CHECKING:
    from cli.client import Api

Name = Annotated[str, typer.Argument(metavar="NAME", help="The node's name.")]
Limit = Annotated[int, typer.Option(min=1, help="How many, the newest first.")]

_WHY = {
    "not_seen_yet": "it was not seen yet",
    "not_kept": "what was seen then is no longer kept (VSA_RETENTION)",
    "not_asked": "no collector asked it",
}
_SIGNS = {
    "first_seen": Text("first seen", QUIET),
    "appeared": Text("appeared", ""),
    "changed": Text("changed", ""),
    "disappeared": Text("disappeared", WARN),
    "not_seen": Text("not seen", BAD),
    "events_lost": Text("events lost", BAD),
}


def show_past(api: Api, name: str, at: str | None, *, as_json: bool) -> None:
    """Show the containers of a node as they were at a moment, or why nobody knows."""
    answer = api.get(f"{_path(name)}/containers", at=at)
    if as_json:
        print_json(answer)
        return
    past = decode(answer, PastNode)
    say(Text.assemble((name, STRONG), f"  at {second(past.at)}"))
    if past.unknown:
        say(Text(f"  unknown: {_why(past.unknown)}", BAD))
        say(Text("  as last seen before that:", QUIET) if past.containers else "")
    elif not past.containers:
        say("  no container")
    table(("  container", "state", "image", ""), map(_container, past.containers))


def list_changes(
    name: Name,
    *,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List what changed on a node, the newest first, and the times for which nobody knows.

    Of the last day, unless said otherwise.

    Example: vsa node changes web-1 --since 6h
    """
    query = {"since": moment(since), "until": moment(until)}
    items = connect().items(f"{_path(name)}/changes", limit, **query)
    if as_json:
        print_json(whole(items))
        return
    if not items:
        say(f"Nothing changed on {name} in that time.")
    table(("time", "what", "container", "how"), (_change(decode(item, Change)) for item in items))


def list_restarts(
    name: Name,
    container: Annotated[
        str | None,
        typer.Argument(metavar="[CONTAINER]", help="Only this: its name, or the begin of its id."),
    ] = None,
    *,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List when containers of a node died, with what exit code, and when they were back; newest first.

    Of the last day, unless said otherwise.

    Example: vsa node restarts web-1 shop-db --since 7d
    """
    query = {"since": moment(since), "until": moment(until), "container": container}
    items = connect().items(f"{_path(name)}/restarts", limit, **query)
    if as_json:
        print_json(whole(items))
        return
    if not items:
        say(f"No container of {name} died in that time.")
    headers = ("died", "container", "exit code", "back", "image")
    table(headers, (_restart(decode(item, Restart)) for item in items))


def _container(container: PastContainer) -> tuple[str | Text, ...]:
    state = container.state.value
    if container.exit_code is not None:
        state = f"{state} {container.exit_code}"
    if container.health != "none":
        state = f"{state}, {container.health}"
    restarts = count(container.restart_count, "restart") if container.restart_count else ""
    return f"  {container.name}", state, Text(container.image, QUIET), Text(restarts, QUIET)


def _change(line: Change) -> tuple[str | Text, ...]:
    how = ", ".join(_became(fact, *values) for fact, values in line.fields.items())
    if line.reason:
        lasted = f"until {second(line.lasted_until)}" if line.lasted_until else "still"
        how = f"{line.reason.replace('_', ' ')}, {lasted}"
    return second(line.at), _SIGNS[line.change], line.name or "", how or line.image or ""


def _became(fact: str, before: object, after: object) -> str:
    name = fact.replace("_", " ")
    if isinstance(before, dict | list) or isinstance(after, dict | list):
        return f"{name} changed"
    return f"{name} {_value(before)} → {_value(after)}"


def _value(value: object) -> str:
    return "none" if value in {None, ""} else str(value)


def _restart(line: Restart) -> tuple[str | Text, ...]:
    exit_code = "" if line.exit_code is None else str(line.exit_code)
    if line.unseen:
        died = f"{count(line.unseen, 'time')} before {second(line.at)}"
        exit_code = f"{exit_code} the last time" if exit_code else "unknown: events were lost"
    else:
        died = second(line.died_at or line.at)
    if line.oom_killed:
        exit_code = f"{exit_code}, out of memory"
    back = second(line.started_at) if line.started_at else Text("no", WARN)
    return died, line.name, Text(exit_code, BAD), back, Text(line.image, QUIET)


def _why(unknown: Unknown) -> str:
    why = _WHY.get(unknown.reason, f"it did not answer ({unknown.reason.replace('_', ' ')})")
    since = f" from {second(unknown.unknown_from)}" if unknown.unknown_from else ""
    until = f" until {second(unknown.unknown_until)}" if unknown.unknown_until else ""
    return f"{why}{since}{until}"


def _path(name: str) -> str:
    return f"/nodes/{quote(name, safe='')}"
