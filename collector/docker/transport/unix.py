"""A socket file on this machine: `unix:///run/docker.sock`."""

from __future__ import annotations

import asyncio
import os

from collector.docker.failures import Failed
from collector.docker.http import Connection
from collector.docker.network import Network
from registry.facts.nodes import NodeQuestion
from registry.facts.outcomes import FailureReason


class UnixTransport:
    """Opens connections to a socket file."""

    def __init__(self, question: NodeQuestion, _network: Network) -> None:
        self._path = question.docker_url.removeprefix("unix://")

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
