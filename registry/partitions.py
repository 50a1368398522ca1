"""Day partitions (UTC) of container_snapshots and events: made ahead, dropped whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import text

from registry.session import Connection


@dataclass(frozen=True, slots=True)
class DayTables:
    """How many day partitions there are of a kind, and how many bytes they take."""

    count: int
    size: int


# As vsa_drop_partitions chooses them.
_CLOSED = text("""
    SELECT count(*), coalesce(sum(pg_total_relation_size(oid)), 0)::bigint
    FROM pg_inherits JOIN pg_class ON oid = inhrelid
    WHERE inhparent IN ('container_snapshots'::regclass, 'events'::regclass)
      AND to_date(substring(relname FROM '_([0-9]{8})$'), 'YYYYMMDD') < :day
""")


async def create_partitions(tx: Connection, now: datetime, days_ahead: int = 7) -> None:
    """Make sure that the day of `now` and the `days_ahead` after it have their partitions."""
    await tx.execute(
        text("SELECT vsa_create_partitions(:first_day, :days)"),
        {"first_day": now.astimezone(UTC).date(), "days": days_ahead + 1},
    )


async def closed_before(tx: Connection, day: date) -> DayTables:
    """Return what `drop_closed_before` would drop."""
    count, size = (await tx.execute(_CLOSED, {"day": day})).one()
    return DayTables(count, size)


async def drop_closed_before(tx: Connection, day: date) -> int:
    """Drop every day before `day`; open snapshots stay. Returns how many partitions went.

    Waits at most seconds for its locks, then raises one of session.UNAVAILABLE: try again later.
    """
    result = await tx.execute(text("SELECT vsa_drop_partitions(:day)"), {"day": day})
    return int(result.scalar_one())
