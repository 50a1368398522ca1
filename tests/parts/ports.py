"""Ports for servers that must be told theirs before they listen."""

from __future__ import annotations

import random
import socket
import time
from contextlib import suppress

# Below those that the kernel hands out by itself: no outgoing connection takes one in between.
_PORTS = range(20_000, 32_768)
# An abstract socket's name is one process's alone, and free again when that ends, however it ends.
_claims: list[socket.socket] = []


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on, and no other test process will be given."""
    for port in random.sample(_PORTS, len(_PORTS)):
        if _claim(port):
            return port
    raise AssertionError("every port is taken")


def _claim(port: int) -> bool:
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0vsa-test-port-{port}")
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        claim.close()
        return False
    _claims.append(claim)
    return True


def wait_for_port(port: int, seconds: float = 10.0) -> None:
    """Return when something listens on the port of loopback; TimeoutError when nothing does in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port}")
