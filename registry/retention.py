"""What is kept for how long: the past for `VSA_RETENTION`, what is so now for good, the audit trail for ever."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import delete, text

from registry.models import node_gaps
from registry.partitions import drop_closed_before
from registry.session import Connection


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was older than `kept_from` and went: tables of days, and rows."""

    kept_from: datetime
    day_tables: int
    gaps: int
    event_counters: int
    certificates: int


# Counters of a container that is gone, once nothing of the past tells of it any more.
_FORGET_COUNTERS = text("""
    DELETE FROM event_counters c
    WHERE NOT EXISTS (
              SELECT FROM container_snapshots s WHERE s.node_id = c.node_id AND s.name = c.name)
      AND NOT EXISTS (SELECT FROM events e WHERE e.node_id = c.node_id AND e.name = c.name)
""")

_FORGET_CERTIFICATES = text("""
    DELETE FROM certificates c
    WHERE c.last_seen_at < :before
      AND NOT EXISTS (SELECT FROM endpoints e WHERE e.fingerprint = c.fingerprint)
""")


def kept_from(now: datetime, retention: float) -> datetime:
    """Return since when the past is kept: the midnight (UTC) before `retention` seconds ago."""
    day = (now.astimezone(UTC) - timedelta(seconds=retention)).date()
    return datetime.combine(day, time(), UTC)


async def forget(tx: Connection, now: datetime, retention: float) -> Forgotten:
    """Forget what is older than `retention` seconds; what is so now stays, however old.

    Waits at most seconds for its locks, then raises one of session.UNAVAILABLE: try again later.
    """
    before = kept_from(now, retention)
    tables = await drop_closed_before(tx, before.date())
    gaps = await tx.execute(delete(node_gaps).where(node_gaps.c.gap_until < before))
    counters = await tx.execute(_FORGET_COUNTERS)
    certificates = await tx.execute(_FORGET_CERTIFICATES, {"before": before})
    return Forgotten(before, tables, gaps.rowcount, counters.rowcount, certificates.rowcount)
