"""`vsa restore`: a backup back into an empty database, or in place of what is there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer
from rich.text import Text

from cli.backup import STDOUT
from cli.connection import own_settings
from cli.faults import NOT_WELL, BadInput
from cli.options import Yes, demand_yes
from cli.output import BAD, GOOD, WARN, note, say
from cli.trail import Trail
from cli.transfer import Progress, size
from cli.words import count

if TYPE_CHECKING:
    from registry.restore import Backup
    from registry.restore_target import Target

STDIN = STDOUT


@dataclass(frozen=True, slots=True)
class Summary:
    """What was restored. `broken_at` is the first audit record that does not hold, null for none."""

    size: int
    audit_records: int
    audit_head: str
    broken_at: int | None


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE|-", help="A backup; - is stdin.")],
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="In place of what the database holds.")
    ] = False,
    yes: Yes = False,
    head: Annotated[
        str | None,
        typer.Option(metavar="HASH", help="The head told by `vsa backup`: it must be this one."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Tell the result as JSON.")] = False,
) -> None:
    """Restore a backup, whole or not at all.

    Into an empty database, as the owner of VSA_MIGRATION_DATABASE_URL; API, collectors and exporter
    must be stopped. An older backup is brought to this version. Its audit trail is verified: exit
    code 1 when it does not hold.

    Example: age -d -i key.txt vsa.dump.age | vsa restore -
    """
    from cli.claim import claim
    from cli.database import faults, owner_database
    from registry.restore_target import look_at

    settings = own_settings()
    alone = nullcontext() if settings.database_url else claim(settings.data_dir)
    with faults(), alone, _opened(file) as source, owner_database(settings) as (owner_url, url):
        target = look_at(owner_url)
        _demand_quiet(target)
        backup = _open_backup(source, head)
        _demand_room(target, replace=replace, yes=yes)
        summary = _restore(backup, target, source, (owner_url, url))
    _tell(summary, as_json=as_json)
    if summary.broken_at:
        raise typer.Exit(NOT_WELL)


def _open_backup(source: _Source, head: str | None) -> Backup:
    """Read the start of the backup; BadInput when it is not the one whose head was kept."""
    from registry.restore import Backup

    backup = Backup(source)
    found = backup.heading.head.hash
    if head and head.lower() != found:
        raise BadInput(f"--head: this backup's is another, {found}; nothing was changed")
    return backup


def _restore(backup: Backup, target: Target, source: _Source, urls: tuple[str, str]) -> Summary:
    from cli.running import run
    from registry.migrate import upgrade
    from registry.restore import read_trail, record_restore

    owner_url, head = urls[0], backup.heading.head
    with Progress(source.total) as progress:
        backup.load(owner_url, target, progress.add)
    note("bringing it to this version, and checking its audit trail …")
    upgrade(*urls)
    broken = Trail(read_trail(owner_url)).verify(head.hash, head.hash)
    run(record_restore(owner_url, backup.heading))
    return Summary(progress.count, head.last_id, head.hash, broken.entry_id if broken else None)


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the backup comes from; `total` bytes where that is known."""

    file: BinaryIO
    total: int | None

    def read(self, size: int, /) -> bytes:
        from registry.restore_target import RestoreError

        try:
            return self.file.read(size)
        except OSError as error:
            raise RestoreError(f"cannot read the backup: {error.strerror}") from None


@contextmanager
def _opened(file: Path) -> Iterator[_Source]:
    if file == STDIN:
        if sys.stdin.isatty():
            raise BadInput("a backup does not come from a terminal: name a FILE, or send it in")
        # Unbuffered: a thread that waits inside sys.stdin would abort the interpreter's end.
        with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as source:
            yield _Source(source, None)
        return
    try:
        source = file.open("rb", buffering=0)
        total = file.stat().st_size
    except OSError as error:
        raise BadInput(f"cannot read {file}: {error.strerror}") from None
    with source:
        yield _Source(source, total)


def _demand_quiet(target: Target) -> None:
    """Refuse while programs of ours are connected: they would write into what is being restored."""
    if target.programs:
        named = ", ".join(f"{name} ({number})" for name, number in target.programs.items())
        raise BadInput(f"stop these first, they use the database {target.name}: {named}")


def _demand_room(target: Target, *, replace: bool, yes: bool) -> None:
    """Return when the database is empty, or may be replaced; BadInput else."""
    if not target.holds:
        return
    held = ", ".join(count(number, noun) for noun, number in target.holds.items())
    if not replace:
        raise BadInput(f"the database {target.name} holds {held}; --replace removes all of it")
    demand_yes(f"Remove {held} from {target.name} for ever?", yes=yes)


def _tell(summary: Summary, *, as_json: bool) -> None:
    if as_json:
        import msgspec

        say(msgspec.json.encode(summary).decode())
        return
    records = count(summary.audit_records, "audit record")
    if summary.broken_at:
        say(Text(f"restored, but the audit trail is broken at entry {summary.broken_at}", BAD))
    else:
        say(
            Text(
                f"restored {size(summary.size)}: {records}, whole up to {summary.audit_head}", GOOD
            )
        )
    note("tokens that were revoked since this backup are in use again: vsa token list", WARN)
