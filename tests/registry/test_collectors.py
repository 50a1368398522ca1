from __future__ import annotations

from dataclasses import asdict, replace

from registry.collectors import CollectorBeat, CollectorStatus, beat, list_collectors
from registry.session import Connection
from tests.registry.targets import NOW, later

BEAT = CollectorBeat(
    instance="host:1",
    version="0.1.0",
    started_at=NOW,
    probes_total=1,
    failures_total=2,
    discarded_total=3,
    cpu_seconds_total=4.5,
    resident_memory_bytes=6,
)
DAY = 86400


async def test_a_collector_is_known_by_its_last_heartbeat(tx: Connection) -> None:
    newest = replace(BEAT, started_at=later(5), probes_total=9)
    await beat(tx, BEAT, NOW)
    await beat(tx, newest, later(10))
    expected = CollectorStatus(**asdict(newest), last_seen_at=later(10))
    assert await list_collectors(tx) == (expected,)


async def test_a_collector_that_was_silent_for_a_day_is_forgotten(tx: Connection) -> None:
    await beat(tx, BEAT, NOW)
    other = replace(BEAT, instance="host:2")
    await beat(tx, other, later(DAY))
    assert len(await list_collectors(tx)) == 2
    await beat(tx, other, later(DAY + 1))
    assert [status.instance for status in await list_collectors(tx)] == ["host:2"]
