"""An engine on the network: `tcp://web-1.example.com:2376`, over TLS where the node has a credential."""

from __future__ import annotations

import asyncio
import os
import ssl
from functools import lru_cache
from urllib.parse import urlsplit

from collector.docker.failures import Failed
from collector.docker.http import Connection
from collector.docker.network import Network
from registry.facts.credentials import TlsCredential
from registry.facts.nodes import NodeQuestion
from registry.facts.outcomes import FailureReason

TLS_PORT, PLAIN_PORT = 2376, 2375
_PLAIN = (
    "tcp:// without a credential is neither encrypted nor authenticated: add one by `vsa credential add`;"
    " VSA_ALLOW_PLAIN_TCP=true allows it all the same"
)


class TcpTransport:
    """Opens connections to a port, over TLS if `question` has a credential for it."""

    def __init__(self, question: NodeQuestion, network: Network) -> None:
        parts = urlsplit(question.docker_url)
        self._credential = question.credential
        self._host = parts.hostname or ""
        self._port = parts.port or (PLAIN_PORT if self._credential is None else TLS_PORT)
        self._network = network

    async def connect(self) -> Connection:
        """Open one more connection to the port."""
        loop = asyncio.get_running_loop()
        context = self._context()
        door = await self._network.connect(self._host, self._port)
        name = self._host if context else None
        try:
            transport, connection = await loop.create_connection(
                Connection, sock=door, ssl=context, server_hostname=name
            )
        except BaseException:
            door.close()
            raise
        if isinstance(tls := transport.get_extra_info("ssl_object"), ssl.SSLObject):
            connection.certificate = tls.getpeercert(binary_form=True) or b""
        return connection

    def close(self) -> None:
        """Do nothing: the connections share nothing."""

    def _context(self) -> ssl.SSLContext | None:
        if self._credential is None:
            if not self._network.allow_plain:
                raise Failed(FailureReason.FORBIDDEN, _PLAIN)
            return None
        if not isinstance(self._credential, TlsCredential):
            raise Failed(FailureReason.AUTH, "its credential is an SSH key; tcp:// wants a TLS one")
        return _context_of(self._credential)


@lru_cache(1024)
def _context_of(credential: TlsCredential) -> ssl.SSLContext:
    """Make a credential's context once: nodes of a fleet share it, and reading it costs milliseconds."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if credential.ca:
            context.load_verify_locations(cadata=credential.ca)
        else:
            context.load_default_certs()
        if credential.certificate:
            _load_chain(context, credential)
    except (ssl.SSLError, ValueError) as error:
        raise Failed(FailureReason.AUTH, f"its credential cannot be used: {error}") from None
    return context


def _load_chain(context: ssl.SSLContext, credential: TlsCredential) -> None:
    # Python takes a private key from a file only: this one lives in memory and has no name.
    file = os.memfd_create("credential", os.MFD_CLOEXEC)
    try:
        os.write(file, f"{credential.certificate}\n{credential.key}\n".encode())
        context.load_cert_chain(f"/proc/self/fd/{file}")
    finally:
        os.close(file)
