from __future__ import annotations

from datetime import UTC, datetime, timedelta

from registry.session import Connection, database_now


async def test_the_databases_clock_is_read_as_aware_utc(tx: Connection) -> None:
    now = await database_now(tx)
    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)
