"""`vsa db prune`: forget what is older than the retention now, as the collector does once an hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.connection import own_settings
from cli.options import checked
from cli.output import note, pairs, print_json, say
from cli.words import count, minute
from registry.durations import parse_duration

if TYPE_CHECKING:
    from registry.retention import Forgotten

_SHORTEST = 86_400.0


def prune(
    *,
    retention: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Keep so much, such as 30d. Default: VSA_RETENTION."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and keep it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what went as JSON.")] = False,
) -> None:
    """Forget the past that is older than VSA_RETENTION.

    Collectors do so once an hour. What is so now stays, however old, and so does the audit trail.

    Example: vsa db prune --retention 30d --dry-run
    """
    import msgspec

    from cli.database import faults, running_url
    from cli.running import run

    settings = own_settings()
    seconds = checked("--retention", _retention, retention) if retention else settings.retention
    with faults():
        gone = run(_forget(running_url(settings), seconds, dry_run=dry_run))
    if as_json:
        print_json(msgspec.json.encode(gone))
        return
    _show(gone)
    note("nothing went: this was a dry run" if dry_run else "done")


def _retention(text: str) -> float:
    seconds = parse_duration(text)
    if seconds < _SHORTEST:
        raise ValueError("must be 1d or more: the present day is always kept")
    return seconds


async def _forget(url: str, retention: float, *, dry_run: bool) -> Forgotten:
    from registry.retention import forget
    from registry.session import database_now, make_engine

    engine = make_engine(url, program="prune")
    try:
        async with engine.connect() as tx:
            gone = await forget(tx, await database_now(tx), retention)
            await (tx.rollback() if dry_run else tx.commit())
            return gone
    finally:
        await engine.dispose()


def _show(gone: Forgotten) -> None:
    say(f"Older than {minute(gone.kept_from)}:")
    pairs(
        (
            ("past states and events", count(gone.day_tables, "day table")),
            ("gaps", str(gone.gaps)),
            ("counters of gone containers", str(gone.event_counters)),
            ("certificates nobody serves", str(gone.certificates)),
        )
    )
