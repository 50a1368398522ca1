"""One look at one address: connect, turn to TLS where that is asked for, shake hands."""

from __future__ import annotations

import asyncio

from OpenSSL import SSL

from collector.tls.answer import Look, Shown
from collector.tls.dialog import Dialog
from collector.tls.failures import NoCommonProtocolError, connecting
from collector.tls.handshake import Handshake
from collector.tls.starttls import DIALECTS
from registry.facts.domains import DomainQuestion, StartTls

_HTTP = [b"h2", b"http/1.1"]


async def look_at(
    address: str, question: DomainQuestion, context: SSL.Context, look: Look
) -> Shown:
    """Return what the server at an IP address showed; raise NoAnswerError when it showed nothing.

    `look` tells from outside how far it came. The connection is over when this returns or raises.
    """
    look.step = "connecting"  # again, when this is the second try
    if question.starttls is not StartTls.NONE:
        return await _look_behind_plain_text(address, question, context, look)
    try:
        handshake = Handshake(context, look, question.server_name, _HTTP)
        return await _shake(handshake, await _connect(handshake, address, question.port))
    except NoCommonProtocolError:
        # Not HTTP, and strict about it: its certificate is as good a fact, so ask without a protocol.
        handshake = Handshake(context, look, question.server_name, [])
        return await _shake(handshake, await _connect(handshake, address, question.port))


async def _look_behind_plain_text(
    address: str, question: DomainQuestion, context: SSL.Context, look: Look
) -> Shown:
    dialog = Dialog(look)
    transport = await _connect(dialog, address, question.port)
    try:
        await DIALECTS[question.starttls](dialog)
        dialog.end()
    except BaseException:
        transport.abort()
        raise
    handshake = Handshake(context, look, question.server_name, [])
    transport.set_protocol(handshake)
    handshake.connection_made(transport)
    return await _shake(handshake, transport)


async def _connect(protocol: asyncio.Protocol, address: str, port: int) -> asyncio.Transport:
    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.create_connection(lambda: protocol, address, port)
    except OSError as error:
        raise connecting(error) from None
    return transport


async def _shake(handshake: Handshake, transport: asyncio.Transport) -> Shown:
    try:
        return await handshake.shown
    except BaseException:  # a time-out cancels us here
        transport.abort()
        raise
