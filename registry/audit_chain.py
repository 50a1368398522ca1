"""The audit trail's arithmetic, without a database: what is hashed, and whether a chain holds.

Entry n has hash(n) = SHA-256(hash(n-1) as hex text + RFC 8785 bytes of the entry's other fields).
An auditor can check an export with this file alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import rfc8785

GENESIS = "0" * 64

# A resource as JSON has it: text without NUL, integers, flags, null, lists and objects of these.
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change or refused attempt. Ids count from 1 without a hole; `hash` is lower-case hex.

    `before` and `after` hold a resource as JSON has it, None where there was none; durations and
    times in them are text, for a fraction need not come back from PostgreSQL as it was written.
    """

    id: int
    timestamp: datetime
    actor: str
    action: str
    target: str
    before: Values | None
    after: Values | None
    request_id: str
    address: str
    result: str
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """The first entry that does not follow from the one before, and what is wrong with it."""

    entry_id: int
    reason: str


def format_time(moment: datetime) -> str:
    """Write a time as the chain has it: RFC 3339 in UTC with six digits. ValueError without zone."""
    if moment.tzinfo is None:
        raise ValueError("a time in the audit trail has a zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def canonical_bytes(entry: AuditEntry) -> bytes:
    """Return what is hashed of an entry: all of it but the hash, canonical by RFC 8785.

    Raises ValueError for what the database or RFC 8785 cannot hold exactly.
    """
    hashed: dict[str, Any] = {
        "id": entry.id,
        "timestamp": format_time(entry.timestamp),
        "actor": entry.actor,
        "action": entry.action,
        "target": entry.target,
        "before": entry.before,
        "after": entry.after,
        "request_id": entry.request_id,
        "address": entry.address,
        "result": entry.result,
    }
    _refuse_inexact(hashed)
    return rfc8785.dumps(hashed)


def _refuse_inexact(value: object) -> None:
    match value:
        case float():
            raise ValueError("the audit trail holds no fractions: write them as text")
        case str() if "\x00" in value:
            raise ValueError("the audit trail holds no NUL")
        case dict():
            _refuse_inexact([*value.keys(), *value.values()])
        case list() | tuple():
            for item in value:
                _refuse_inexact(item)


def parse_entry(exported: object) -> AuditEntry:
    """Read back an entry of a JSON or NDJSON export. Raises ValueError for what is none."""
    try:
        return msgspec.convert(exported, AuditEntry)
    except msgspec.ValidationError as error:
        raise ValueError(f"not an audit entry: {error}") from None


def chain_hash(previous: str, canonical: bytes) -> str:
    """Return the hash of an entry from the hash before it and its canonical bytes."""
    return hashlib.sha256(previous.encode("ascii") + canonical).hexdigest()


def verify_chain(entries: Iterable[AuditEntry], head: str | None = None) -> Broken | None:
    """Return the first entry that breaks the chain, None when all of it holds.

    `entries` is a whole export, oldest first: of a filtered one the first hole is named. With `head`,
    the hash that is known from elsewhere must be among them: without it a cut tail cannot show.
    """
    previous, last_id, head_seen = GENESIS, 0, head is None or head == GENESIS
    for entry in entries:
        if reason := _fault(entry, previous, last_id):
            return Broken(entry.id, reason)
        previous, last_id = entry.hash, entry.id
        head_seen = head_seen or entry.hash == head
    if not head_seen:
        return Broken(last_id + 1, "the trail ends before the entry with the given head")
    return None


def _fault(entry: AuditEntry, previous: str, last_id: int) -> str | None:
    if entry.id != last_id + 1:
        if last_id == 0:
            return f"the trail begins with entry {entry.id}: a part of it cannot be verified"
        return f"entry {last_id + 1} should stand here: removed, moved, or left out by a filter"
    if not _follows(entry, previous):
        return "its content is not what was hashed: it, or the entry before it, was changed"
    return None


def _follows(entry: AuditEntry, previous: str) -> bool:
    try:
        return entry.hash == chain_hash(previous, canonical_bytes(entry))
    except (ValueError, OverflowError, RecursionError):  # no entry that was appended is like that
        return False
