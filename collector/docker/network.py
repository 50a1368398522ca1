"""How engines on other machines are reached: by name, at addresses that the policy allows."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address

from collector.docker.failures import Failed, failure_of
from collector.resolver import Lookup
from registry.facts.outcomes import FailureReason

_MOST_ADDRESSES = 4
# For each address but the last: a dead first one must leave time for the next.
_PATIENCE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Network:
    """`lookup` resolves a name, `refuse` says why an IP address may not be asked, or None.

    `allow_plain`: an engine may be asked in the clear.
    """

    lookup: Lookup
    refuse: Callable[[str], str | None]
    allow_plain: bool = False

    async def connect(self, host: str, port: int) -> socket.socket:
        """Return a socket that is connected to the first address of `host` that takes one.

        The very address that was judged is connected to. Raises Failed.
        """
        *tries, last = await self._addresses(host)
        for address in tries:
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    return await _connected(address, port)
            except (OSError, TimeoutError):
                continue
        try:
            return await _connected(last, port)
        except OSError as error:
            failure = failure_of(error)
            raise Failed(failure.reason, f"{last} port {port}: {failure.detail}") from None

    async def _addresses(self, host: str) -> list[str]:
        found = await self._resolved(host)
        allowed = [address for address in found if self.refuse(address) is None]
        if not allowed:
            raise Failed(FailureReason.FORBIDDEN, self.refuse(found[0]) or "")
        return allowed[:_MOST_ADDRESSES]

    async def _resolved(self, host: str) -> list[str]:
        try:
            return [str(ip_address(host))]
        except ValueError:
            pass
        try:
            # In the resolver's own order (RFC 6724), each once.
            found = list(dict.fromkeys(await self.lookup(host)))
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or "is no name that DNS can hold"
            raise Failed(FailureReason.DNS, f"{host} cannot be resolved: {reason}") from None
        if not found:
            raise Failed(FailureReason.DNS, f"{host} has no address")
        return found


async def _connected(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(door, (address, port))
    except BaseException:
        door.close()
        raise
    return door
