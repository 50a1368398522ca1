"""What a request works with: the engine, the settings, a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from api.readiness import Readiness
from api.sparing import Sparing
from registry.session import Connection, Engine
from registry.settings import Settings

# An export holds a connection for as long as its reader takes: the rest of the pool stays free.
_EXPORTS_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Context:
    """What all requests share; made once by `make_app`."""

    engine: Engine
    settings: Settings
    readiness: Readiness
    exports: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_EXPORTS_AT_ONCE))
    # Apart, so that what strangers try hides nothing that a known caller does.
    strangers: Sparing = field(default_factory=lambda: Sparing(seconds=60, keys=100))
    callers: Sparing = field(default_factory=lambda: Sparing(seconds=60, keys=100))


def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


Shared = Annotated[Context, Depends(_context)]


async def _transaction(context: Shared) -> AsyncIterator[Connection]:
    async with context.engine.begin() as tx:
        yield tx


async def _snapshot(context: Shared) -> AsyncIterator[Connection]:
    repeatable = context.engine.execution_options(isolation_level="REPEATABLE READ")
    async with context.exports, repeatable.begin() as tx:
        yield tx


# Scope "function": committed before the answer is sent, so that what was acknowledged is kept.
Tx = Annotated[Connection, Depends(_transaction, scope="function")]

# One view of the database for as long as an answer is streamed; closed when the client goes away.
Snapshot = Annotated[Connection, Depends(_snapshot)]
