"""How servers serve: one TLS version, only whom they like, and no further than some step of the handshake."""

from __future__ import annotations

import socket
import ssl
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from functools import partial

from tests.collector.tls.dialects import Script, play, playing
from tests.parts.tls import Handler, Identity, Server, hold, listen, serve, server_context

Manner = Callable[[Identity], AbstractContextManager[Server]]
Setup = Callable[[ssl.SSLContext], object]

# An alert of TLS 1.2: fatal, handshake_failure (RFC 5246, section 7.2).
_HANDSHAKE_FAILURE = bytes.fromhex("15 0303 0002 0228")


def only(version: ssl.TLSVersion) -> Setup:
    """Speak no other version of TLS than this."""

    def setup(context: ssl.SSLContext) -> None:
        with warnings.catch_warnings():  # of old versions, which are the point
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version

    return setup


def with_cipher(cipher: str) -> Setup:
    """Share one cipher of TLS 1.2 with nobody else."""

    def setup(context: ssl.SSLContext) -> None:
        only(ssl.TLSVersion.TLSv1_2)(context)
        context.set_ciphers(f"{cipher}:@SECLEVEL=0")

    return setup


def demanding_a_certificate(context: ssl.SSLContext) -> None:
    """Demand a client certificate, which we never have."""
    context.verify_mode = ssl.CERT_REQUIRED


def knowing_no_name(context: ssl.SSLContext) -> None:
    """Refuse every server name by the alert for it."""
    context.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME


def set_up(*setups: Setup) -> Manner:
    """Serve TLS with a context that was set up so."""

    def manner(identity: Identity) -> AbstractContextManager[Server]:
        return serve(identity, context=_context(identity, *setups))

    return manner


def by_name(default: Identity, name: str) -> Manner:
    """Serve an identity to who asks for this name, another one to everybody else."""

    def manner(identity: Identity) -> AbstractContextManager[Server]:
        context, named = server_context(default), server_context(identity)

        def choose(connection: ssl.SSLObject, asked: str | None, _: ssl.SSLContext) -> None:
            if asked == name:
                connection.context = named

        context.sni_callback = choose
        return serve(default, context=context)

    return manner


def behind(script: Script) -> Manner:
    """Speak plain text first, then TLS."""
    return lambda identity: serve(identity, before=partial(play, script))


def saying(script: Script) -> Manner:
    """Speak plain text and never TLS."""
    return lambda _: listen(playing(script))


def silent_after(script: Script, answers: int) -> Manner:
    """Speak so many answers of a script, the greeting being the first, and nothing after them."""
    if not answers:
        return lambda _: listen(hold)
    greeting, *exchanges = script
    return saying((greeting, *exchanges[: answers - 1]))


def stopping_after(records: int, *setups: Setup, then: Handler = hold) -> Manner:
    """Shake hands for real until so many TLS records were sent; then stall, or do something else."""

    def manner(identity: Identity) -> AbstractContextManager[Server]:
        context = _context(identity, *setups)
        return listen(partial(_shake_partly, context, records, then))

    return manner


def refuse(connection: socket.socket) -> None:
    """Read what the client answers and end by an alert."""
    connection.recv(4096)
    connection.sendall(_HANDSHAKE_FAILURE)
    hold(connection)


def _context(identity: Identity, *setups: Setup) -> ssl.SSLContext:
    context = server_context(identity)
    for setup in setups:
        setup(context)
    return context


def _shake_partly(
    context: ssl.SSLContext, left: int, then: Handler, connection: socket.socket
) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)
    while left:
        incoming.write(connection.recv(65536))
        with suppress(ssl.SSLWantReadError):
            tls.do_handshake()
        sent = list(_records(outgoing.read()))[:left]
        connection.sendall(b"".join(sent))
        left -= len(sent)
    then(connection)


def _records(data: bytes) -> Iterator[bytes]:
    """Split into TLS records: five bytes of head, of which the last two are the length."""
    while data:
        size = 5 + int.from_bytes(data[3:5])
        yield data[:size]
        data = data[size:]
