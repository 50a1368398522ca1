"""From a domain's name to the addresses that are asked: all of them, bounded, in one stable order."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from threading import Thread

from collector.tls.answer import NoAnswerError
from collector.tls.failures import resolving
from collector.tls.names import as_address
from registry.facts import FailureReason

MAX_ADDRESSES = 16
_THREADS = 64

Lookup = Callable[[str], Awaitable[Iterable[str]]]


class SystemLookup:
    """Asks the system's resolver (getaddrinfo), which blocks a thread for as long as it waits.

    The event loop's own few threads would let a handful of dead name servers hold up every other
    domain; and an executor's threads would hold up the end of the program. These are daemons.
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


async def addresses_of(name: str, lookup: Lookup) -> list[str]:
    """Return a name's unique addresses, IPv4 first, each kind in order, at most MAX_ADDRESSES.

    An IP address stands for itself. Raises NoAnswerError(dns) when there is none.
    """
    if as_address(name):
        return [name]
    try:
        found = {address for address in await lookup(name) if as_address(address)}
    except (OSError, UnicodeError) as error:
        raise resolving(name, error) from None
    if not found:
        raise NoAnswerError(FailureReason.DNS, f"{name} has no address")
    return sorted(found, key=_order)[:MAX_ADDRESSES]


def _order(text: str) -> tuple[int, int]:
    address = ip_address(text)
    return address.version, int(address)
