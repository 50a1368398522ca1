"""Ask a target now, and wait for what comes of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from starlette.exceptions import HTTPException

from registry.errors import Conflict, FieldFault
from registry.session import Connection, Engine, database_now

_POLL_SECONDS = 0.1
# Beyond the target's own time-out: the collector's beat, and its writing down of the answer.
_MARGIN_SECONDS = 6.0


class _State(Protocol):
    @property
    def last_attempt_at(self) -> datetime | None: ...


class _Target(Protocol):
    @property
    def enabled(self) -> bool: ...

    @property
    def timeout_seconds(self) -> float | None: ...

    @property
    def state(self) -> _State: ...


TargetT = TypeVar("TargetT", bound=_Target)


async def ask_now(
    engine: Engine,
    look: Callable[[Connection], Awaitable[TargetT]],
    request: Callable[[Connection, TargetT, datetime], Awaitable[UUID | None]],
    default_timeout: float,
) -> TargetT:
    """Return a target once a collector has asked it anew; 504 when none does.

    A probe that is under way began before the wish: its end is awaited, then the next one's.
    """
    before = await _wish(engine, look, request)
    patience = (before.timeout_seconds or default_timeout) + _MARGIN_SECONDS
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        await asyncio.sleep(_POLL_SECONDS)
        async with engine.begin() as tx:  # short: no connection is held while waiting
            target = await look(tx)
        if target.state.last_attempt_at != before.state.last_attempt_at:
            return target
    raise HTTPException(504, _no_collector(patience))


async def _wish(
    engine: Engine,
    look: Callable[[Connection], Awaitable[TargetT]],
    request: Callable[[Connection, TargetT, datetime], Awaitable[UUID | None]],
) -> TargetT:
    """Have a target asked anew, and return it as it was when no older probe was under way."""
    older: UUID | None = None
    while True:
        async with engine.begin() as tx:
            target = await look(tx)
            if not target.enabled:
                raise Conflict(FieldFault("enabled", "enabled", "must be true for it to be asked"))
            under_way = await request(tx, target, await database_now(tx))
            if under_way is None or older not in {None, under_way}:
                return await look(tx)  # the request locks out a collector that is just recording
        older = under_way
        await asyncio.sleep(_POLL_SECONDS)


def _no_collector(seconds: float) -> str:
    return (
        f"No collector answered within {seconds:g} s, so none seems to be running. "
        "Start one with `vsa collector`; `vsa up` runs one too."
    )
