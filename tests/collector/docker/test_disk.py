"""What takes room on a node's disk: asked beside its scrapes, and only where that is wished for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collector.docker.disk import disk_uses
from collector.docker.wire_disk import DISK
from registry.facts.nodes import DiskKind, DiskUsage, DiskUse
from registry.facts.outcomes import FailureReason
from tests.collector.docker.labs import Asker
from tests.parts.engine import StandIn, hang, kind_of, saying, serving
from tests.parts.engine_world import World

USES = {
    DiskKind.IMAGES: DiskUse(2, 1, 5000, 3000),
    DiskKind.CONTAINERS: DiskUse(1, 0, 70, 70),
    DiskKind.VOLUMES: DiskUse(1, 0, 900, 900),
    DiskKind.BUILD_CACHE: DiskUse(1, 0, 11, 11),
}


@pytest.fixture
async def watcher(stand_in: StandIn) -> AsyncIterator[Asker]:
    asker = Asker(stand_in.url, disk_interval=3600.0)
    yield asker
    await asker.close()


async def told(asker: Asker) -> DiskUsage:
    """Scrape until the disk's answer is among the facts."""
    async with asyncio.timeout(5):
        while (disk := (await asker.facts()).disk) is None:
            await asyncio.sleep(0.01)
    return disk


def asked(engine: StandIn) -> int:
    return sum(kind_of(request.removeprefix("GET ")) == "disk" for request in engine.requests)


@pytest.mark.parametrize("api", ["1.41", "1.44", "1.52"])
async def test_every_version_tells_the_same(tmp_path: Path, api: str) -> None:
    engine = StandIn(World(api))
    async with serving(engine, tmp_path / "docker.sock") as url:
        asker = Asker(url, disk_interval=3600.0)
        disk = await told(asker)
        await asker.close()
    assert (disk.uses, disk.failure) == (USES, None)
    assert disk.measured_at > 1_700_000_000


async def test_nobody_asks_unless_told_to(asker: Asker, stand_in: StandIn) -> None:
    for _ in range(3):
        assert (await asker.facts()).disk is None
    assert asked(stand_in) == 0


async def test_it_is_asked_once_an_interval_and_kept(watcher: Asker, stand_in: StandIn) -> None:
    first = await told(watcher)
    assert (await watcher.facts()).disk is first
    assert asked(stand_in) == 1


async def test_a_slow_answer_holds_up_no_scrape(watcher: Asker, stand_in: StandIn) -> None:
    stand_in.world.run("web")
    stand_in.mischief = {"disk": hang}
    for _ in range(5):
        facts = await watcher.facts()
        assert facts.disk is None
        assert len(facts.samples) == 1
    assert asked(stand_in) == 1


async def test_a_refusal_is_told_with_what_was_known(watcher: Asker, stand_in: StandIn) -> None:
    stand_in.mischief = {"disk": saying(b'{"message": "not on the list"}', "403 Forbidden")}
    disk = await told(watcher)
    assert disk.failure
    assert disk.failure.reason is FailureReason.FORBIDDEN
    assert "not on the list" in disk.failure.detail
    assert (disk.uses, disk.measured_at) == ({}, 0.0)


async def test_a_disk_is_asked_down_a_connection_of_its_own(
    watcher: Asker, stand_in: StandIn
) -> None:
    """One that a scrape finds open tells it that the engine was not restarted."""
    await told(watcher)
    async with asyncio.timeout(5):
        while len(stand_in.connections) > 1:
            await asyncio.sleep(0.01)


def test_what_is_not_known_counts_nothing() -> None:
    document = b"""{"LayersSize": 100, "Images": [{"Containers": 1, "Size": 90, "SharedSize": -1}],
        "Volumes": [{"UsageData": null}, {"UsageData": {"Size": -1, "RefCount": 1}}],
        "Containers": null, "BuildCache": [{"Shared": true, "Size": 5}, {"InUse": true, "Size": 7}]}"""
    assert disk_uses(DISK.decode(document)) == {
        DiskKind.IMAGES: DiskUse(1, 1, 100, 10),
        DiskKind.CONTAINERS: DiskUse(0, 0, 0, 0),
        DiskKind.VOLUMES: DiskUse(2, 2, 0, 0),
        DiskKind.BUILD_CACHE: DiskUse(2, 1, 7, 0),
    }
