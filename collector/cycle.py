"""Where probes meet state: claim what is due, ask it, record the answers; over and over.

One cycle serves one kind of target. Claims come in small batches at each beat, and the answers of
many targets are recorded in one transaction. A target that hangs holds one place in flight until its
own time limit, never a neighbour.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from collector.clock import DatabaseClock
from registry.session import UNAVAILABLE, Connection, Engine, database_now

log = logging.getLogger(__name__)

# Probes started together cost half as much CPU as the same probes spread evenly (warm caches).
BEAT_SECONDS = 0.2
_BATCH = 200
_BACK_OFF_SECONDS = 2.0
_GRACE_SECONDS = 3.0

LeaseT = TypeVar("LeaseT")
ResultT = TypeVar("ResultT")


@dataclass(slots=True)
class Tally:
    """What was done: answers recorded, failures among them, answers discarded for a stale token."""

    probes: int = 0
    failures: int = 0
    discarded: int = 0

    def add(self, other: Tally) -> None:
        """Count what `other` counted too."""
        self.probes += other.probes
        self.failures += other.failures
        self.discarded += other.discarded


@dataclass(frozen=True, slots=True)
class Kind(Generic[LeaseT, ResultT]):
    """One kind of target: how it is claimed, asked and recorded, and how many may be in flight.

    `ask` turns every failure into a result. `record` runs in its own transaction; `committed`
    or `rolled_back` hears how that ended. `spoil` makes the result that stands for one that the
    database refused.
    """

    name: str
    in_flight: int
    claim: Callable[[Connection, datetime, int], Awaitable[list[LeaseT]]]
    ask: Callable[[LeaseT], Awaitable[ResultT]]
    record: Callable[[Connection, Sequence[ResultT]], Awaitable[Tally]]
    committed: Callable[[], None]
    rolled_back: Callable[[Sequence[ResultT]], None]
    spoil: Callable[[ResultT, Exception], ResultT]


class Cycle(Generic[LeaseT, ResultT]):
    """Claims, asks and records one kind of target until told to stop."""

    def __init__(
        self, engine: Engine, clock: DatabaseClock, kind: Kind[LeaseT, ResultT], tally: Tally
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._kind = kind
        self._tally = tally
        self._asking: set[asyncio.Task[None]] = set()
        self._answers: asyncio.Queue[ResultT] = asyncio.Queue()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then record what is answered within a short grace and return.

        What is still unanswered then is due again, for any collector, when its lease ends.
        """
        recording = asyncio.create_task(self._record_forever(), name=f"record {self._kind.name}")
        try:
            await self._claim_until(stop)
            if self._asking:
                await asyncio.wait(self._asking, timeout=_GRACE_SECONDS)
        finally:
            await _cancel(*self._asking)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._answers.join(), _GRACE_SECONDS)
            await _cancel(recording)

    # ------------------------------------------------------------------------ claiming and asking

    async def _claim_until(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._claim()
                pause = BEAT_SECONDS
            except UNAVAILABLE as error:
                log.warning("cannot claim %s: %s", self._kind.name, _first_line(error))
                pause = _BACK_OFF_SECONDS
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)

    async def _claim(self) -> None:
        room = self._kind.in_flight - len(self._asking)
        if room <= 0:
            return
        async with self._engine.begin() as tx:
            now = await database_now(tx)
            self._clock.set(now)
            leases = await self._kind.claim(tx, now, room)
        for lease in leases:
            task = asyncio.create_task(self._ask(lease))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _ask(self, lease: LeaseT) -> None:
        self._answers.put_nowait(await self._kind.ask(lease))

    # ------------------------------------------------------------------------ recording

    async def _record_forever(self) -> None:
        while True:
            first = await self._answers.get()
            await asyncio.sleep(BEAT_SECONDS / 2)  # its neighbours share the transaction
            batch = [first, *self._take_answers()]
            await self._record(batch)
            for _ in batch:
                self._answers.task_done()

    def _take_answers(self) -> list[ResultT]:
        return [self._answers.get_nowait() for _ in range(min(self._answers.qsize(), _BATCH))]

    async def _record(self, batch: Sequence[ResultT]) -> None:
        """Record a batch; when the database refuses it, each result alone, so that one spoils none."""
        try:
            await self._commit(batch)
        except UNAVAILABLE as error:
            # Not retried: the targets are due again when their leases end, and cursors did not move.
            log.warning("cannot record %d %s: %s", len(batch), self._kind.name, _first_line(error))
        except Exception as error:
            log.exception("the database refused a batch of %d %s", len(batch), self._kind.name)
            await self._record_apart(batch, error)

    async def _record_apart(self, batch: Sequence[ResultT], error: Exception) -> None:
        if len(batch) > 1:
            for result in batch:
                await self._record([result])
            return
        with suppress(Exception):  # logged above; the lease ends by itself
            await self._commit([self._kind.spoil(batch[0], error)])

    async def _commit(self, batch: Sequence[ResultT]) -> None:
        try:
            async with self._engine.begin() as tx:
                done = await self._kind.record(tx, batch)
        except BaseException:
            self._kind.rolled_back(batch)
            raise
        self._kind.committed()
        self._tally.add(done)


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
