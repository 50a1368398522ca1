"""`vsa audit`: who changed what, as a list, as a file, and whether the trail is whole."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

import typer
from rich.text import Text

from cli.answers import AuditEntry, decode, whole
from cli.connection import connect
from cli.faults import NOT_WELL
from cli.options import Json, Since, Until, moment
from cli.output import BAD, GOOD, QUIET, note, print_json, say, table
from cli.trail import Trail, read_file, read_lines
from cli.transfer import whole_file
from cli.words import count, minute

app = typer.Typer(no_args_is_help=True)

_HEAD = "X-VSA-Audit-Head"

Actor = Annotated[str | None, typer.Option(metavar="TOKEN", help="Only what it did.")]
Action = Annotated[str | None, typer.Option(metavar="ACTION", help="Only these: node.create …")]
Target = Annotated[str | None, typer.Option(metavar="TARGET", help="Only this: node/web-1 …")]
Result = Annotated[str | None, typer.Option(metavar="RESULT", help="ok or refused.")]


@app.command("list")
def list_entries(
    *,
    actor: Actor = None,
    action: Action = None,
    target: Target = None,
    result: Result = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """List changes and refused attempts, the newest first.

    Example: vsa audit list --since 24h --action node.delete
    """
    items = connect().items(
        "/audit-logs",
        limit=limit,
        actor=actor,
        action=action,
        target=target,
        result=result,
        since=moment(since),
        until=moment(until),
    )
    if as_json:
        print_json(whole(items))
        return
    entries = [decode(item, AuditEntry) for item in items]
    rows = [
        (
            Text(str(entry.id), QUIET),
            minute(entry.timestamp),
            entry.actor,
            Text(entry.action, "" if entry.result == "ok" else BAD),
            entry.target,
            Text(entry.address, QUIET),
        )
        for entry in entries
    ]
    table(("#", "time", "actor", "action", "target", "from"), rows)


@app.command("export")
def export_entries(
    *,
    form: Annotated[
        Literal["csv", "json", "ndjson"], typer.Option("--format", help="How it is written.")
    ] = "ndjson",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Default: stdout.")
    ] = None,
    actor: Actor = None,
    action: Action = None,
    target: Target = None,
    result: Result = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """Export the trail, the oldest entry first.

    `vsa audit verify` checks a json or ndjson one without filters. Its head, the hash of the newest
    entry, is told on stderr: kept elsewhere, it shows when a tail was cut.

    Example: vsa audit export -o trail.ndjson
    """
    api = connect()
    query = {"actor": actor, "action": action, "target": target, "result": result}
    query |= {"since": moment(since), "until": moment(until), "format": form}
    with api.stream("/audit-logs/export", **query) as answer, _written(output) as file:
        for piece in answer.iter_bytes():
            file.write(piece)
    note(f"head {answer.headers[_HEAD]}")


@app.command("verify")
def verify(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="A json or ndjson export; default: ask the API."),
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(metavar="HASH", help="A head that was kept: it must be in the trail."),
    ] = None,
) -> None:
    """Check that no entry was changed, removed or moved.

    Exit code 1, and the first such entry, when one was.

    Example: vsa audit verify --head 3f9a… trail.ndjson
    """
    if file:
        trail = Trail(read_file(file))
        broken = trail.verify(head)
    else:
        with connect().stream("/audit-logs/export", format="ndjson") as answer:
            trail = Trail(read_lines(answer.iter_lines(), "the API's export"))
            broken = trail.verify(head, answer.headers[_HEAD])
    if broken:
        say(Text(f"broken at entry {broken.entry_id}: {broken.reason}", BAD))
        raise typer.Exit(NOT_WELL)
    say(Text(f"whole: {count(trail.length, 'audit record')}", GOOD))
    say(f"head {trail.head}")


@contextmanager
def _written(output: Path | None) -> Iterator[BinaryIO]:
    """Open a file that appears under its name only when it is whole; None is stdout."""
    if output is None:
        yield sys.stdout.buffer
        return
    with whole_file(output, force=True) as file:
        yield file
