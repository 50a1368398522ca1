"""Addresses to listen on: where they are reached from here, and whether they are free."""

from __future__ import annotations

import errno
import socket

from cli.faults import BadInput
from registry.setting_kinds import Address

_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not listened on
_TROUBLE = {
    errno.EADDRINUSE: "is in use by another program",
    errno.EACCES: "needs rights that this user does not have",
    errno.EADDRNOTAVAIL: "is no address of this machine",
}


def reachable(address: Address) -> Address:
    """Return where a program of this machine reaches whoever listens on `address`."""
    return Address(_LOOPBACK.get(address.host, address.host), address.port)


def check_free(address: Address, setting: str) -> None:
    """Raise BadInput, naming the setting to change, when nobody can listen on `address` now."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        for family, kind, protocol, _, place in found:
            with socket.socket(family, kind, protocol) as probe:
                # As the servers do: a connection that just ended does not count as use.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(place)
    except OSError as error:
        trouble = _TROUBLE.get(error.errno or 0, f"cannot be listened on: {error.strerror}")
        raise BadInput(f"{address} {trouble}; set {setting} to another address") from None
