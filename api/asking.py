"""Ask a target now, and wait for what comes of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol, TypeVar

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
    request: Callable[[Connection, TargetT, datetime], Awaitable[None]],
    default_timeout: float,
) -> TargetT:
    """Make a target due at once and return it once a collector has asked it; 504 when none does."""
    async with engine.begin() as tx:
        target = await look(tx)
        if not target.enabled:
            raise Conflict(FieldFault("enabled", "enabled", "must be true for it to be asked"))
        asked_at = await database_now(tx)
        await request(tx, target, asked_at)
    patience = (target.timeout_seconds or default_timeout) + _MARGIN_SECONDS
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        await asyncio.sleep(_POLL_SECONDS)
        async with engine.begin() as tx:  # short: no connection is held while waiting
            target = await look(tx)
        if target.state.last_attempt_at and target.state.last_attempt_at > asked_at:
            return target
    raise HTTPException(504, _no_collector(patience))


def _no_collector(seconds: float) -> str:
    return (
        f"No collector answered within {seconds:g} s, so none seems to be running. "
        "Start one with `vsa collector`; `vsa up` runs one too."
    )
