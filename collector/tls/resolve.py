"""From a domain's name to the addresses that are asked: all of them, bounded, in one stable order."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from collector.tls.answer import NoAnswerError
from collector.tls.failures import resolving
from collector.tls.names import as_address
from registry.facts import FailureReason

MAX_ADDRESSES = 16
# The system's resolver blocks a thread for as long as it waits. The event loop's own few threads would
# let a handful of dead name servers hold up every other domain.
_THREADS = 64

Lookup = Callable[[str], Awaitable[Iterable[str]]]


class SystemLookup:
    """Asks the system's resolver (getaddrinfo), in threads of its own."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, "resolve")

    async def __call__(self, name: str) -> list[str]:
        """Return A and AAAA addresses, the latter only where this machine speaks IPv6."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _getaddrinfo, name)

    def close(self) -> None:
        """Let the threads end; one that still waits for a name server is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)


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
