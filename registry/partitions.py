"""Day partitions (UTC) of container_snapshots and events: made ahead, dropped whole."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import text

from registry.session import Connection


async def create_partitions(tx: Connection, now: datetime, days_ahead: int = 7) -> None:
    """Make sure that the day of `now` and the `days_ahead` after it have their partitions."""
    await tx.execute(
        text("SELECT vsa_create_partitions(:first_day, :days)"),
        {"first_day": now.astimezone(UTC).date(), "days": days_ahead + 1},
    )


async def drop_closed_before(tx: Connection, day: date) -> int:
    """Drop every day before `day`; open snapshots stay. Returns how many partitions went.

    Waits at most seconds for its locks, then raises one of session.UNAVAILABLE: try again later.
    """
    result = await tx.execute(text("SELECT vsa_drop_partitions(:day)"), {"day": day})
    return int(result.scalar_one())
