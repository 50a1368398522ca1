"""Ways to reach an engine: the scheme of its URL picks one from a table.

A transport belongs to one node and opens connections to its engine. A new scheme is one class and
one row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from collector.docker.failures import Failed
from collector.docker.http import Connection
from collector.docker.network import Network
from collector.docker.transport.tcp import TcpTransport
from collector.docker.transport.unix import UnixTransport
from registry.facts.credentials import UnusableCredential
from registry.facts.nodes import NodeQuestion
from registry.facts.outcomes import FailureReason


class Transport(Protocol):
    """Opens connections to one engine."""

    async def connect(self) -> Connection:
        """Open one more connection; raises Failed or OSError."""

    def close(self) -> None:
        """Give up what the connections share."""


def _ssh(question: NodeQuestion, network: Network) -> Transport:
    # asyncssh costs a quarter of a second and 20 MiB: only a fleet that uses it pays.
    from collector.docker.transport.ssh import SshTransport  # noqa: PLC0415

    return SshTransport(question, network)


TRANSPORTS: Mapping[str, Callable[[NodeQuestion, Network], Transport]] = {
    "unix": UnixTransport,
    "tcp": TcpTransport,
    "ssh": _ssh,
}


def transport_to(question: NodeQuestion, network: Network) -> Transport:
    """Return the transport that a node's URL asks for; raises Failed for a scheme of no row."""
    if isinstance(question.credential, UnusableCredential):
        raise Failed(FailureReason.AUTH, question.credential.why)
    scheme = question.docker_url.partition("://")[0]
    if scheme not in TRANSPORTS:
        known = ", ".join(f"{name}://" for name in TRANSPORTS)
        raise Failed(
            FailureReason.UNREACHABLE, f"{scheme}:// is no way to an engine; known: {known}"
        )
    return TRANSPORTS[scheme](question, network)
