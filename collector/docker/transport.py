"""Ways to reach an engine: the scheme of its URL picks one from a table.

A transport belongs to one node and opens connections to its engine. A new scheme is one class and
one row.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Protocol

from collector.docker.failures import Failed
from collector.docker.http import Connection
from registry.facts import FailureReason


class Transport(Protocol):
    """Opens connections to one engine."""

    async def connect(self) -> Connection:
        """Open one more connection; raises Failed or OSError."""

    def close(self) -> None:
        """Give up what the connections share."""


class UnixTransport:
    """A socket file on this machine: `unix:///run/docker.sock`."""

    def __init__(self, url: str) -> None:
        self._path = url.removeprefix("unix://")

    async def connect(self) -> Connection:
        """Open one more connection to the socket."""
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_unix_connection(Connection, self._path)
        except (FileNotFoundError, NotADirectoryError):
            raise Failed(
                FailureReason.UNREACHABLE, f"{self._path} does not exist: is Docker running there?"
            ) from None
        except ConnectionRefusedError:
            raise Failed(
                FailureReason.REFUSED, f"nobody listens on {self._path}: is Docker stopped?"
            ) from None
        except BlockingIOError:
            raise Failed(
                FailureReason.REFUSED, f"{self._path} takes no more connections: does Docker hang?"
            ) from None
        except PermissionError:
            raise Failed(
                FailureReason.FORBIDDEN,
                f"uid {os.geteuid()} may not open {self._path}: add its user to the socket's group"
                " (docker) and start the collector anew",
            ) from None
        return connection

    def close(self) -> None:
        """Do nothing: the connections share nothing."""


TRANSPORTS: Mapping[str, Callable[[str], Transport]] = {"unix": UnixTransport}


def transport_to(docker_url: str) -> Transport:
    """Return the transport that a node's URL asks for; raises Failed for a scheme of no row."""
    scheme = docker_url.partition("://")[0]
    if scheme not in TRANSPORTS:
        known = ", ".join(f"{name}://" for name in TRANSPORTS)
        raise Failed(
            FailureReason.UNREACHABLE, f"{scheme}:// is no way to an engine; known: {known}"
        )
    return TRANSPORTS[scheme](docker_url)
