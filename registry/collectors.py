"""Which collectors are at work, by their own heartbeat."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from registry.models import collectors
from registry.session import Connection

_FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorBeat:
    """What a collector says of itself; totals count since `started_at`."""

    instance: str
    version: str
    started_at: datetime
    probes_total: int
    failures_total: int
    discarded_total: int
    cpu_seconds_total: float
    resident_memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorStatus(CollectorBeat):
    """A collector's last heartbeat and when it came."""

    last_seen_at: datetime


async def beat(tx: Connection, heartbeat: CollectorBeat, now: datetime) -> None:
    """Record a heartbeat, and forget collectors that have been silent for a day."""
    row = {**asdict(heartbeat), "last_seen_at": now}
    await tx.execute(
        insert(collectors).values(row).on_conflict_do_update(index_elements=["instance"], set_=row)
    )
    await tx.execute(delete(collectors).where(collectors.c.last_seen_at < now - _FORGOTTEN_AFTER))


async def list_collectors(tx: Connection) -> tuple[CollectorStatus, ...]:
    """Return every collector seen within the last day, by instance."""
    rows = await tx.execute(select(collectors).order_by(collectors.c.instance))
    return tuple(CollectorStatus(**row) for row in rows.mappings())
