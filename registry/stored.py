"""Facts to rows and back: the one place that knows how they lie in the tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from registry.facts.outcomes import Failure, FailureReason

FactsT = TypeVar("FactsT")

# PostgreSQL stores no NUL; in JSON text one is a \u0000 whose backslash is not itself escaped.
_NUL_IN_JSON = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_LONGEST_DETAIL = 500


def encode_rows(rows: Sequence[object]) -> str:
    """Encode rows (mappings or dataclasses) as the JSON that `json_populate_recordset` reads."""
    data = msgspec.json.encode(rows)
    if b"\\u0000" in data:
        data = _NUL_IN_JSON.sub(rb"\1", data)
    return data.decode()


def decode(stored: object, facts: type[FactsT]) -> FactsT:
    """Make facts of a row or of a JSON value whose names are the facts' own."""
    return msgspec.convert(stored, facts, from_attributes=True)


def clean_detail(detail: str) -> str:
    """Return a failure's sentence as it may be stored: no NUL, valid Unicode, bounded."""
    return detail.encode(errors="replace").decode().replace("\x00", "")[:_LONGEST_DETAIL]


def make_failure(reason: str | None, detail: str | None) -> Failure | None:
    """Make the failure that two columns hold; None where the last probe went well."""
    return None if reason is None else Failure(FailureReason(reason), detail or "")


def hex_bytes(data: bytes) -> str:
    """Write bytes as PostgreSQL reads a bytea from text."""
    return "\\x" + data.hex()
