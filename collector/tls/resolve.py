"""From a domain's name to the addresses that are asked: all of them, bounded, in one stable order."""

from __future__ import annotations

from ipaddress import ip_address

from collector.resolver import Lookup
from collector.tls.answer import NoAnswerError
from collector.tls.failures import resolving
from registry.facts.outcomes import FailureReason
from registry.server_names import as_address

MAX_ADDRESSES = 16


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
