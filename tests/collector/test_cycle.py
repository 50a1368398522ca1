from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from collector.clock import DatabaseClock
from collector.cycle import Cycle, Kind, Tally
from registry.session import Connection, Engine


@dataclass
class Targets:
    """A kind of target in memory: leases are numbers, results are their strings."""

    due: list[int]
    slow: frozenset[int] = frozenset()
    poison: frozenset[str] = frozenset()
    recorded: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    most_in_flight: int = 0
    in_flight: int = 0

    async def claim(self, tx: Connection, now: datetime, limit: int) -> list[int]:
        claimed, self.due = self.due[:limit], self.due[limit:]
        return claimed

    async def ask(self, lease: int) -> str:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        if lease in self.slow:
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        self.in_flight -= 1
        return str(lease)

    async def record(self, tx: Connection, results: Sequence[str]) -> Tally:
        if self.poison & set(results):
            raise ValueError("a result that no table takes")
        self.recorded += results
        return Tally(probes=len(results))

    def committed(self) -> None:
        self.ends.append("committed")

    def rolled_back(self, results: Sequence[str]) -> None:
        self.ends.append(f"rolled back {','.join(results)}")

    def spoil(self, result: str, error: Exception) -> str:
        return f"spoiled {result}"

    def kind(self, in_flight: int = 50) -> Kind[int, str]:
        return Kind(
            "numbers",
            in_flight,
            self.claim,
            self.ask,
            self.record,
            self.committed,
            self.rolled_back,
            self.spoil,
        )


@asynccontextmanager
async def cycling(engine: Engine, kind: Kind[int, str], tally: Tally) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(Cycle(engine, DatabaseClock(), kind, tally).run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_every_due_target_is_asked_and_recorded_once(engine: Engine) -> None:
    targets, tally = Targets(due=list(range(120))), Tally()
    async with cycling(engine, targets.kind(), tally):
        await until(lambda: len(targets.recorded) == 120)
    assert sorted(map(int, targets.recorded)) == list(range(120))
    assert tally.probes == 120


async def test_a_target_that_hangs_costs_its_neighbours_nothing(engine: Engine) -> None:
    targets = Targets(due=list(range(20)), slow=frozenset({0, 1}))
    async with cycling(engine, targets.kind(), Tally()):
        await until(lambda: len(targets.recorded) == 18)
    assert not {"0", "1"} & set(targets.recorded)


async def test_no_more_than_the_bound_are_in_flight(engine: Engine) -> None:
    targets = Targets(due=list(range(40)))
    async with cycling(engine, targets.kind(in_flight=7), Tally()):
        await until(lambda: len(targets.recorded) == 40)
    assert targets.most_in_flight == 7


async def test_one_result_that_the_database_refuses_spoils_no_other(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    targets = Targets(due=list(range(10)), poison=frozenset({"3"}))
    async with cycling(engine, targets.kind(), Tally()):
        await until(lambda: len(targets.recorded) == 10)
    assert set(targets.recorded) == {str(n) for n in range(10)} - {"3"} | {"spoiled 3"}


async def test_the_kind_hears_what_was_not_committed(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    targets = Targets(due=[3], poison=frozenset({"3"}))
    async with cycling(engine, targets.kind(), Tally()):
        await until(lambda: bool(targets.recorded))
    assert targets.ends == ["rolled back 3", "committed"]


async def test_what_is_answered_at_the_stop_is_still_recorded(engine: Engine) -> None:
    targets = Targets(due=list(range(30)))
    async with cycling(engine, targets.kind(), Tally()):
        await until(lambda: not targets.due)
    assert len(targets.recorded) == 30
