"""From a host's name to its addresses, by the system's resolver."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from threading import Thread

_THREADS = 64

Lookup = Callable[[str], Awaitable[Iterable[str]]]


class SystemLookup:
    """Asks the system's resolver (getaddrinfo), which blocks a thread for as long as it waits.

    The event loop's own few threads would let a handful of dead name servers hold up every other
    target; and an executor's threads would hold up the end of the program. These are daemons.
    """

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(_THREADS)

    async def __call__(self, name: str) -> list[str]:
        """Return A and AAAA addresses, the latter only where this machine speaks IPv6."""
        answer: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
        await self._free.acquire()
        Thread(target=self._ask, args=(name, answer), daemon=True).start()
        return await answer

    def _ask(self, name: str, answer: asyncio.Future[list[str]]) -> None:
        try:
            settle = partial(answer.set_result, _getaddrinfo(name))
        except (OSError, UnicodeError) as error:
            settle = partial(answer.set_exception, error)
        with suppress(RuntimeError):  # the loop has ended meanwhile
            answer.get_loop().call_soon_threadsafe(self._settle, answer, settle)

    def _settle(self, answer: asyncio.Future[list[str]], settle: Callable[[], None]) -> None:
        self._free.release()
        if not answer.done():  # nobody waits any more
            settle()


def _getaddrinfo(name: str) -> list[str]:
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [str(place[4][0]) for place in found]
