"""`vsa backup`: the whole database in one file, or on stdout for whatever encrypts it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from cli.connection import own_settings
from cli.faults import BadInput, CannotReach
from cli.output import note, say
from cli.transfer import Progress, size, whole_file
from cli.words import count

if TYPE_CHECKING:
    from registry.backup import Snapshot

STDOUT = Path("-")
_PIECE = 1 << 18


@dataclass(frozen=True, slots=True)
class Summary:
    """What was written, and how a restore of it is verified: `audit_head` must be in its trail."""

    size: int
    taken_at: str
    revision: str
    server_version: str
    audit_records: int
    audit_head: str


def backup(
    file: Annotated[
        Path, typer.Argument(metavar="[FILE|-]", help="Where to; default: stdout.")
    ] = STDOUT,
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Tell its size, time and audit head as JSON.")
    ] = False,
) -> None:
    """Write a backup of everything, while all goes on.

    It is what pg_dump makes of one snapshot (custom format), as the owner of
    VSA_MIGRATION_DATABASE_URL; without VSA_DATABASE_URL, of the embedded server. The head of the
    audit trail is told at the end, on stderr when the backup is on stdout: kept elsewhere, it
    proves a restore (vsa restore --head).

    Example: vsa backup | age -r age1… > vsa.dump.age
    """
    if file == STDOUT and sys.stdout.isatty():
        raise BadInput("a backup is nothing for a terminal: name a FILE, or send it into a pipe")
    from cli.database import faults, owner_database

    with faults(), owner_database(own_settings()) as (url, _):
        summary = _write(url, file, force=force)
    _tell(summary, file, as_json=as_json)


def _write(url: str, file: Path, *, force: bool) -> Summary:
    from registry.backup import dump, exported_snapshot

    with (
        exported_snapshot(url) as snapshot,
        _output(file, force=force) as output,
        Progress() as progress,
        dump(url, snapshot) as pieces,
    ):
        while piece := pieces.read(_PIECE):
            _send(output, piece)
            progress.add(len(piece))
    return _summary(progress.count, snapshot)


def _summary(written: int, snapshot: Snapshot) -> Summary:
    return Summary(
        size=written,
        taken_at=snapshot.taken_at.isoformat().replace("+00:00", "Z"),
        revision=snapshot.revision,
        server_version=snapshot.server_version,
        audit_records=snapshot.head.last_id,
        audit_head=snapshot.head.hash,
    )


@contextmanager
def _output(file: Path, *, force: bool) -> Iterator[BinaryIO]:
    if file == STDOUT:
        # Unbuffered: nothing is left to be written when the reader has gone away.
        with open(sys.stdout.fileno(), "wb", buffering=0, closefd=False) as output:
            yield output
        return
    with whole_file(file, force=force) as output:
        yield output


def _send(output: BinaryIO, piece: bytes) -> None:
    try:
        while piece:
            piece = piece[output.write(piece) :]
    except BrokenPipeError:
        raise CannotReach("whoever reads this backup went away; it is not whole") from None
    except OSError as error:
        raise BadInput(f"cannot write the backup: {error.strerror}") from None


def _tell(summary: Summary, file: Path, *, as_json: bool) -> None:
    tell = note if file == STDOUT else say
    if as_json:
        import msgspec

        tell(msgspec.json.encode(summary).decode())
        return
    name = "backup" if file == STDOUT else str(file)
    tell(
        f"{name}: {size(summary.size)} as of {summary.taken_at}, "
        f"{count(summary.audit_records, 'audit record')}, head {summary.audit_head}"
    )
