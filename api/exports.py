"""The audit trail as a file, one entry at a time: CSV for people, JSON and NDJSON for machines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, fields

from pydantic import TypeAdapter

from registry.audit import AuditEntry

_CHUNK_CHARACTERS = 64 << 10
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_COLUMNS = [field.name for field in fields(AuditEntry)]
_entry = TypeAdapter(AuditEntry)

Entries = AsyncIterator[AuditEntry]


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write entries; `render` yields text, piece by piece."""

    media_type: str
    render: Callable[[Entries], AsyncIterator[str]]


async def _csv(entries: Entries) -> AsyncIterator[str]:
    yield _row(_COLUMNS)
    async for entry in entries:
        cells = _entry.dump_python(entry, mode="json")
        yield _row([_cell(cells[column]) for column in _COLUMNS])


async def _json(entries: Entries) -> AsyncIterator[str]:
    separator = "["
    async for entry in entries:
        yield separator + _entry.dump_json(entry).decode()
        separator = ",\n"
    yield "[]\n" if separator == "[" else "]\n"


async def _ndjson(entries: Entries) -> AsyncIterator[str]:
    async for entry in entries:
        yield _entry.dump_json(entry).decode() + "\n"


FORMATS = {
    "csv": Format("text/csv; charset=utf-8", _csv),
    "json": Format("application/json", _json),
    "ndjson": Format("application/x-ndjson", _ndjson),
}


async def in_chunks(pieces: AsyncIterator[str]) -> AsyncIterator[str]:
    """Join small pieces, so that an entry does not cost a packet."""
    buffer: list[str] = []
    size = 0
    async for piece in pieces:
        buffer.append(piece)
        size += len(piece)
        if size >= _CHUNK_CHARACTERS:
            yield "".join(buffer)
            buffer, size = [], 0
    yield "".join(buffer)


def _row(cells: list[str]) -> str:
    """Write one line by RFC 4180."""
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _cell(value: object) -> str:
    """Write a value so that no spreadsheet takes it for a formula."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(_FORMULA) else text
