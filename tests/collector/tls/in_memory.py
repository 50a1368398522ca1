"""A real handshake with a real server, in memory, of which every byte can be tampered with on its way."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress

from OpenSSL import SSL

from collector.tls.answer import Look, NoAnswerError, Shown
from collector.tls.handshake import Handshake
from tests.collector.tls.asking import NAME

Tamper = Callable[[bytes], bytes]

_HANDSHAKE, _CERTIFICATE = 22, 11
_HANDSHAKE_FAILURE = bytes.fromhex("15 0303 0002 0228")


class Wire(asyncio.Transport):
    """A transport that keeps what is written until somebody takes it."""

    def __init__(self) -> None:
        super().__init__()
        self._written = bytearray()
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._written += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


async def shake(
    client: SSL.Context, server: ssl.SSLContext, tamper: Tamper, *, refuse: bool = False
) -> Shown | NoAnswerError:
    """Shake hands while `tamper` changes what the server says; then the connection ends.

    With `refuse` the server answers the client's second flight by an alert.
    """
    handshake, wire = Handshake(client, Look(), NAME, []), Wire()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = server.wrap_bio(incoming, outgoing, server_side=True)
    handshake.connection_made(wire)
    flights = 0
    while (said := wire.take()) and not handshake.shown.done():
        flights += 1
        incoming.write(said)
        with suppress(ssl.SSLError):
            tls.do_handshake()
        answer = tamper(outgoing.read())
        handshake.data_received(_HANDSHAKE_FAILURE if refuse and flights > 1 else answer)
    handshake.connection_lost(None)
    assert handshake.shown.done()
    error = handshake.shown.exception()
    if error is None:
        return handshake.shown.result()
    assert isinstance(error, NoAnswerError), error
    return error


def showing(chain: Sequence[bytes]) -> Tamper:
    """Replace the Certificate message of TLS 1.2 (RFC 5246, section 7.4.2) by one with this chain."""
    listed = b"".join(_sized(der) for der in chain)
    message = bytes([_CERTIFICATE]) + _sized(_sized(listed))
    replacement = b"".join(_records(message))

    def tamper(data: bytes) -> bytes:
        parts = []
        while data:
            size = 5 + int.from_bytes(data[3:5])
            is_certificate = data[0] == _HANDSHAKE and data[5] == _CERTIFICATE
            parts.append(replacement if is_certificate else data[:size])
            data = data[size:]
        return b"".join(parts)

    return tamper


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(3) + data


def _records(message: bytes) -> list[bytes]:
    pieces = [message[start : start + 16384] for start in range(0, len(message), 16384)]
    return [bytes([_HANDSHAKE, 3, 3]) + len(piece).to_bytes(2) + piece for piece in pieces]
