"""The audit trail: appended to in the change's own transaction, read in pages and as a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, insert, select, update

from registry.audit_chain import AuditEntry, Values, canonical_bytes, chain_hash
from registry.models import audit_head, audit_logs
from registry.paging import Page, decode_cursor, encode_cursor
from registry.session import Connection
from registry.stored import decode

__all__ = [
    "Actor",
    "AuditEntry",
    "AuditFilter",
    "Head",
    "append",
    "list_entries",
    "read_head",
    "stream_entries",
]

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it: the name of a token, and where and in which request."""

    name: str
    address: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """Number and hash of the newest entry; 0 and zeros before the first."""

    last_id: int
    hash: str


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries: all fields that are set must match; `since` is inclusive, `until` is not."""

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    result: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def append(
    tx: Connection,
    actor: Actor,
    *,
    action: str,
    target: str,
    before: Values | None,
    after: Values | None,
    now: datetime,
    result: str = "ok",
) -> AuditEntry:
    """Append an entry: the last statement of the change, for it locks the head until the commit.

    Raises ValueError for values that the chain cannot hold exactly.
    """
    head = await _lock_head(tx)
    entry = AuditEntry(
        id=head.last_id + 1,
        timestamp=now,
        actor=actor.name,
        action=action,
        target=target,
        before=before,
        after=after,
        request_id=actor.request_id,
        address=actor.address,
        result=result,
    )
    canonical = canonical_bytes(entry)
    entry = replace(entry, hash=chain_hash(head.hash, canonical))
    values = {name: getattr(entry, name) for name in AuditEntry.__slots__}
    await tx.execute(insert(audit_logs).values(**values, canonical=canonical))
    await tx.execute(update(audit_head).values(last_id=entry.id, hash=entry.hash))
    return entry


async def read_head(tx: Connection) -> Head:
    """Return the head as it is committed."""
    row = (await tx.execute(select(audit_head.c.last_id, audit_head.c.hash))).one()
    return Head(row.last_id, row.hash)


async def _lock_head(tx: Connection) -> Head:
    query = select(audit_head.c.last_id, audit_head.c.hash).with_for_update()
    row = (await tx.execute(query)).one()
    return Head(row.last_id, row.hash)


# ---------------------------------------------------------------------------- reading


async def list_entries(
    tx: Connection, wanted: AuditFilter, *, limit: int, cursor: str | None = None
) -> Page[AuditEntry]:
    """Return a page of entries, the newest first. Raises Invalid for a cursor that is none."""
    query = _select(wanted).order_by(audit_logs.c.id.desc()).limit(limit + 1)
    if cursor is not None:
        query = query.where(audit_logs.c.id < decode_cursor(cursor, int)[0])
    found = [decode(row, AuditEntry) for row in await tx.execute(query)]
    more = len(found) > limit
    return Page(found[:limit], encode_cursor(found[limit - 1].id) if more else None)


async def stream_entries(tx: Connection, wanted: AuditFilter) -> AsyncGenerator[AuditEntry, None]:
    """Yield all entries, the oldest first, a few hundred in memory at a time."""
    query = _select(wanted).order_by(audit_logs.c.id)
    rows = await tx.stream(query, execution_options={"yield_per": _BATCH})
    try:
        async for row in rows:
            yield decode(row, AuditEntry)
    finally:  # `async with` would leave the cursor open when the reader goes away
        await rows.close()


def _select(wanted: AuditFilter) -> Select[Any]:
    columns = [audit_logs.c[name] for name in AuditEntry.__slots__]
    return select(*columns).where(*_conditions(wanted))


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    names = ("actor", "action", "target", "result")
    pairs = [(audit_logs.c[name], getattr(wanted, name)) for name in names]
    conditions = [column == value for column, value in pairs if value is not None]
    if wanted.since is not None:
        conditions.append(audit_logs.c.timestamp >= wanted.since)
    if wanted.until is not None:
        conditions.append(audit_logs.c.timestamp < wanted.until)
    return conditions
