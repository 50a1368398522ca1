"""Day partitions (UTC) of container_snapshots and events: made ahead, dropped whole."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import text

from registry.session import Connection

PARTITIONED = ("container_snapshots", "events")


async def create_partitions(tx: Connection, now: datetime, days_ahead: int = 7) -> None:
    """Make sure that the day of `now` and the `days_ahead` after it have their partitions."""
    await tx.execute(
        text("SELECT vsa_create_partitions(:first_day, :days)"),
        {"first_day": now.astimezone(UTC).date(), "days": days_ahead + 1},
    )


async def drop_closed_before(tx: Connection, day: date) -> int:
    """Drop every day before `day`; open rows live elsewhere. Returns how many partitions went."""
    dropped = 0
    for table in PARTITIONED:
        result = await tx.execute(
            text("SELECT vsa_drop_partitions(:parent, :day)"), {"parent": table, "day": day}
        )
        dropped += result.scalar_one()
    return dropped
