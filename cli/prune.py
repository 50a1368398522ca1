"""`vsa db prune`: forget what is older than the retention now, as the collector does once an hour."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from cli.connection import own_settings
from cli.faults import BadInput
from cli.options import Unasked, checked, confirm
from cli.output import note, pairs, print_json, say
from cli.transfer import size
from cli.words import count, minute
from registry.durations import parse_duration

if TYPE_CHECKING:
    from registry.retention import Forgotten
    from registry.session import Engine

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
    yes: Unasked = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what went as JSON.")] = False,
) -> None:
    """Forget the past that is older than VSA_RETENTION.

    Collectors do so once an hour. What is so now stays, however old, and so does the audit trail.

    Example: vsa db prune --retention 30d --dry-run
    """
    from cli.database import faults, running_url
    from cli.running import run

    settings = own_settings()
    seconds = checked("--retention", _retention, retention) if retention else settings.retention
    url = running_url(settings)
    with faults():
        gone = run(_survey(url, seconds))
        if not as_json:
            _show(gone)
        if not (dry_run or gone.is_nothing):
            confirm(f"Forget what is older than {minute(gone.kept_from)}?", yes=yes)
            gone = run(_forget(url, seconds))
    _end(gone, dry_run=dry_run, as_json=as_json)


def _retention(text: str) -> float:
    seconds = parse_duration(text)
    if seconds < _SHORTEST:
        raise ValueError("must be 1d or more: the present day is always kept")
    return seconds


async def _survey(url: str, retention: float) -> Forgotten:
    from registry.retention import survey
    from registry.revisions import demand_fit, read_schema
    from registry.session import database_now

    async with _engine(url) as engine, engine.connect() as tx:
        schema = await tx.run_sync(read_schema)
        demand_fit(schema)
        if not schema.runs:
            raise BadInput(schema.remark())
        return await survey(tx, await database_now(tx), retention)


async def _forget(url: str, retention: float) -> Forgotten:
    from registry.retention import forget
    from registry.session import database_now

    async with _engine(url) as engine:
        async with engine.connect() as tx:
            now = await database_now(tx)
        return await forget(engine, now, retention)


@asynccontextmanager
async def _engine(url: str) -> AsyncIterator[Engine]:
    from registry.session import make_engine

    engine = make_engine(url, program="prune")
    try:
        yield engine
    finally:
        await engine.dispose()


def _show(gone: Forgotten) -> None:
    say(f"Older than {minute(gone.kept_from)}:")
    tables = count(gone.day_tables, "day table")
    pairs(
        (
            ("past states and events", f"{tables}, {size(gone.day_bytes)}"),
            ("gaps", str(gone.gaps)),
            ("counters of gone containers", str(gone.event_counters)),
            ("who served what", str(gone.served_certificates)),
            ("changes of certificates", str(gone.certificate_changes)),
            ("certificates nobody serves", str(gone.certificates)),
        )
    )


def _end(gone: Forgotten, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        import msgspec

        print_json(msgspec.json.encode(gone))
    elif gone.is_nothing:
        note("there is nothing to forget")
    else:
        note("nothing went: this was a dry run" if dry_run else "forgotten")
