"""Plain text before TLS: lines and bytes in, bytes out, all counted against the look's budget."""

from __future__ import annotations

import asyncio
from typing import cast

from collector.tls.answer import Look, NoAnswerError, quote
from registry.facts.outcomes import FailureReason


class Dialog(asyncio.Protocol):
    """One connection spoken to in plain text, until TLS takes it over."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._unread = bytearray()
        self._ended: NoAnswerError | None = None
        self._news = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to the server."""
        self._transport = cast("asyncio.Transport", transport)
        self._look.step = "STARTTLS"

    def data_received(self, data: bytes) -> None:
        """Keep what the server said until it is asked for."""
        self._unread += data
        try:
            self._look.receive(len(data))
        except NoAnswerError as none:
            self._end(none)
            self._transport.abort()
        self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let whoever still waits for an answer know that none will come."""
        how = "reset" if exc else "closed"
        said = f" after {quote(bytes(self._unread))}" if self._unread else ""
        detail = f"the server {how} the connection during STARTTLS{said}"
        self._end(NoAnswerError(FailureReason.PROTOCOL, detail))

    def send(self, data: bytes) -> None:
        """Say something to the server."""
        self._transport.write(data)

    async def line(self) -> bytes:
        """Return the server's next line without its end (CRLF or LF)."""
        searched = 0  # what trickles in byte by byte is not searched from the start again
        while (end := self._unread.find(b"\n", searched)) < 0:
            searched = len(self._unread)
            await self._more()
        return self._take(end + 1).rstrip(b"\r\n")

    async def exactly(self, size: int) -> bytes:
        """Return the server's next `size` bytes."""
        while len(self._unread) < size:
            await self._more()
        return self._take(size)

    def end(self) -> None:
        """Make sure that all that was said was read, before TLS takes the connection over.

        Whoever could slip in more plain text could speak for the server (CVE-2011-0411): NoAnswerError.
        """
        if self._ended:
            raise self._ended
        if self._unread:
            said = quote(bytes(self._unread))
            raise NoAnswerError(FailureReason.PROTOCOL, f"the server said {said} before TLS began")

    async def _more(self) -> None:
        if self._ended:
            raise self._ended
        self._news.clear()
        await self._news.wait()

    def _take(self, size: int) -> bytes:
        taken = bytes(self._unread[:size])
        del self._unread[:size]
        return taken

    def _end(self, none: NoAnswerError) -> None:
        self._ended = self._ended or none
        self._news.set()
