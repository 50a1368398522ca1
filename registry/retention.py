"""What is kept for how long: the past for `VSA_RETENTION`, what is so now for good, the audit trail for ever."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import ColumnElement, Table, delete, exists, false, func, or_, select, text

from registry.models import (
    certificate_changes,
    certificates,
    container_snapshots,
    endpoints,
    event_counters,
    events,
    known_certificates,
    node_gaps,
    node_state,
    served_certificates,
)
from registry.partitions import DayTables, closed_before, drop_closed_before
from registry.session import Connection, Engine

# Once a day it reads through the days that are kept, and keeps nobody waiting.
_PATIENCE = text("SET LOCAL statement_timeout = '10min'")


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What is older than `kept_from` and goes: tables of days and the room they take, and rows."""

    kept_from: datetime
    day_tables: int
    day_bytes: int
    gaps: int
    event_counters: int
    served_certificates: int
    certificate_changes: int
    certificates: int

    @property
    def is_nothing(self) -> bool:
        """Whether all that there is is kept."""
        return not any(getattr(self, field.name) for field in fields(self)[1:])


def kept_from(now: datetime, retention: float) -> datetime:
    """Return since when the past is kept: the midnight (UTC) before `retention` seconds ago."""
    day = (now.astimezone(UTC) - timedelta(seconds=retention)).date()
    return datetime.combine(day, time(), UTC)


async def survey(tx: Connection, now: datetime, retention: float) -> Forgotten:
    """Return what is older than `retention` seconds and would go; nobody has to wait for it."""
    before = kept_from(now, retention)
    await tx.execute(_PATIENCE)
    days = await closed_before(tx, before.date())
    counts = [
        (await tx.execute(select(func.count()).select_from(table).where(is_old))).scalar_one()
        for table, is_old in _old_rows(before, days)
    ]
    return Forgotten(before, days.count, days.size, *counts)


async def forget(engine: Engine, now: datetime, retention: float) -> Forgotten:
    """Forget what is older than `retention` seconds; what is so now stays, however old.

    Waits at most seconds for its locks, then raises one of session.UNAVAILABLE: try again later.
    """
    before = kept_from(now, retention)
    async with engine.begin() as tx:
        await tx.execute(_PATIENCE)
        days = await closed_before(tx, before.date())
        counts = [
            (await tx.execute(delete(table).where(is_old))).rowcount
            for table, is_old in _old_rows(before, days)
        ]
    # Apart, and last: who writes waits for a drop until its transaction ends, and what reads the
    # days through would make that seconds. If we die before it, all of it is done again.
    async with engine.begin() as tx:
        dropped = await drop_closed_before(tx, before.date())
    return Forgotten(before, dropped, days.size, *counts)


def _old_rows(before: datetime, days: DayTables) -> list[tuple[Table, ColumnElement[bool]]]:
    """Return the tables of which rows go, and which: gaps, counters, what was served."""
    return [
        (node_gaps, node_gaps.c.gap_until < before),
        # The last trace of a container goes with a day: while none does, nothing need be read.
        (event_counters, _has_no_trace(before) if days.count else false()),
        (served_certificates, served_certificates.c.seen_until < before),
        (certificate_changes, certificate_changes.c.at < before),
        (certificates, (certificates.c.last_seen_at < before) & ~_is_named(before)),
    ]


def _has_no_trace(before: datetime) -> ColumnElement[bool]:
    """Say that since a moment nothing tells of a container of a counter's name on its node."""
    seen = exists().where(
        container_snapshots.c.node_id == event_counters.c.node_id,
        container_snapshots.c.name == event_counters.c.name,
        container_snapshots.c.seen_until >= before,
    )
    heard = exists().where(
        events.c.node_id == event_counters.c.node_id,
        events.c.name == event_counters.c.name,
        events.c.recorded_at >= before,
    )
    return ~seen & ~heard


def _is_named(before: datetime) -> ColumnElement[bool]:
    """Say that something that is kept names a certificate: an address now or then, a file, an engine."""
    fingerprint = certificates.c.fingerprint
    return or_(
        exists().where(endpoints.c.fingerprint == fingerprint),
        exists().where(
            served_certificates.c.fingerprint == fingerprint,
            served_certificates.c.seen_until >= before,
        ),
        exists().where(known_certificates.c.fingerprint == fingerprint),
        exists().where(node_state.c.certificate == fingerprint),
    )
