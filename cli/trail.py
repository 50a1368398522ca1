"""An audit trail read back from an export, and checked as it streams by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from cli.faults import BadInput
from registry.audit_chain import GENESIS, AuditEntry, Broken, verify_chain


class Trail:
    """Entries, oldest first; after the check `length` and `head` say what was seen."""

    def __init__(self, entries: Iterable[AuditEntry]) -> None:
        self._entries = entries
        self.length = 0
        self.head = GENESIS

    def __iter__(self) -> Iterator[AuditEntry]:
        for entry in self._entries:
            self.length += 1
            self.head = entry.hash
            yield entry

    def verify(self, kept: str | None, stored: str | None = None) -> Broken | None:
        """Return the first entry that breaks the chain, None when it is whole.

        `kept` is a head that somebody put aside, `stored` the one that the database has.
        """
        broken = verify_chain(self, kept.lower() if kept else None)
        if broken is None and stored not in {None, self.head}:
            return Broken(self.length + 1, "missing: the database's own head is a later one")
        return broken


def read_file(path: Path) -> Iterator[AuditEntry]:
    """Read an export, JSON or NDJSON; BadInput when it is neither."""
    try:
        with path.open("rb") as file:
            is_json = file.read(1) == b"["
            file.seek(0)
            if is_json:
                yield from msgspec.json.decode(file.read(), type=list[AuditEntry])
            else:
                yield from read_lines(file, str(path))
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise BadInput(f"{path}: no audit export as json or ndjson: {error}") from None


def read_lines(lines: Iterable[str | bytes], name: str) -> Iterator[AuditEntry]:
    """Read NDJSON as it comes; BadInput names the line that is no entry."""
    decoder = msgspec.json.Decoder(AuditEntry)
    for number, line in enumerate(lines, 1):
        try:
            yield decoder.decode(line)
        except msgspec.DecodeError as error:
            raise BadInput(f"{name}, line {number}: no audit entry as ndjson: {error}") from None
