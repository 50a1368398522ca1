from __future__ import annotations

import asyncio
import time

import pytest

from collector.docker.meter import Meter


def burn(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


async def test_it_counts_work_and_no_waiting() -> None:
    async def work() -> str:
        burn(0.02)
        await asyncio.sleep(0.3)
        burn(0.02)
        return "done"

    meter = Meter()
    assert await meter.run(work()) == "done"
    assert 0.04 <= meter.seconds < 0.2


async def test_a_neighbours_work_is_not_counted() -> None:
    async def neighbour() -> None:
        await asyncio.sleep(0)
        burn(0.1)

    meter = Meter()
    await asyncio.gather(meter.run(asyncio.sleep(0.05)), neighbour())
    assert meter.seconds < 0.05


async def test_a_failure_comes_through() -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError("spilt")

    with pytest.raises(ValueError, match="spilt"):
        await Meter().run(fail())


async def test_a_time_limit_reaches_the_work() -> None:
    cleaned = []

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await Meter().run(hang())
    assert cleaned
