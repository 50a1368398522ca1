"""HTTP/1.1 for one purpose: many GETs at once down one kept connection, answers in order.

The requests of a batch are written together (RFC 9112, 9.3.2 pipelining): Go's server, and so every
engine, works them off one after the other, and twenty answers cost a few reads instead of twenty.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from collector.docker.failures import Failed
from registry.facts.outcomes import FailureReason

_TAIL = " HTTP/1.1\r\nHost: docker\r\nUser-Agent: vsa\r\n\r\n"
_MIB = 1 << 20


class Answer(NamedTuple):
    """One response; `received_at` is of the monotonic clock, `first` the read in which it began."""

    status: int
    body: bytes
    received_at: float
    first: bytes

    @property
    def date(self) -> bytes:
        """The `Date` header, empty without. Good for the first answer of a batch."""
        return self.first.partition(b"\r\nDate: ")[2].partition(b"\r\n")[0]


class Connection(asyncio.Protocol):
    """A kept connection to an engine. Answers one batch at a time, within a budget of bytes each."""

    def __init__(self) -> None:
        self.closed = False
        self.lost: Exception | None = None  # why, where the other side or TLS told
        self.received_bytes = 0
        self.cpu_seconds = 0.0
        self.certificate = b""  # DER of what the other side showed, empty without TLS
        self._loop = asyncio.get_running_loop()
        self._parser = HttpResponseParser(self)
        self._waiter: asyncio.Future[list[Answer]] | None = None
        self._answers: list[Answer] = []
        self._paths: Sequence[str] = ()
        self._max_bytes = 0
        self._pending = 0  # bytes read since the last whole answer
        self._inside = False  # an answer has begun
        self._until_close = False  # and the connection's end may be its end
        self._body: list[bytes] = []
        self._first = b""

    async def ask(self, paths: Sequence[str], max_bytes: int) -> list[Answer]:
        """Send `paths` and return the answers in their order, each of at most about `max_bytes`.

        Fewer answers come back when the other side closed the connection between two of them; none
        at all when it had closed it before. Raises Failed (protocol, too_large).
        """
        if self.closed:
            return []
        self._waiter = self._loop.create_future()
        self._answers, self._paths, self._max_bytes = [], paths, max_bytes
        self._transport.write("".join(f"GET {path}{_TAIL}" for path in paths).encode())
        try:
            return await self._waiter
        except BaseException:
            self.abort()  # half an answer may be on its way: nothing can be asked here any more
            raise

    def extra_info(self, name: str) -> object:
        """Return what the transport knows by that name, None where it knows nothing."""
        known: object = self._transport.get_extra_info(name)
        return known

    def abort(self) -> None:
        """Close at once, whatever is on its way."""
        self.closed = True
        self._transport.abort()

    # ------------------------------------------------------------------------ asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        """Parse what came; what was not asked for ends the connection."""
        began = time.thread_time()
        self._read(data)
        self.cpu_seconds += time.thread_time() - began

    def _read(self, data: bytes) -> None:
        self.received_bytes += len(data)
        self._pending += len(data)
        if not self._inside:
            self._first = data
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._fail(FailureReason.PROTOCOL, f"is not HTTP: {error}")
        # Checked once a read, not once a chunk: one read more than the budget may be held.
        if self._pending > self._max_bytes:
            size = f"{self._max_bytes / _MIB:g} MiB"
            self._fail(FailureReason.TOO_LARGE, f"is larger than {size}")

    def connection_lost(self, exc: Exception | None) -> None:
        """End what waits: with what is whole, or with a failure in the middle of an answer."""
        self.closed, self.lost = True, exc
        if not self._inside:
            self._resolve()
        elif exc is None and self._until_close:
            # A body without a length ends with the connection; one cut short is not whole JSON.
            self.on_message_complete()
        else:
            self._fail(FailureReason.PROTOCOL, "broke off in the middle")

    # ------------------------------------------------------------------------ httptools callbacks
    # None for headers: two hundred calls a scrape would cost as much as reading all numbers.

    def on_message_begin(self) -> None:
        """Begin an answer; drop the connection when none was asked for."""
        self._inside, self._until_close, self._body = True, False, []
        if self._waiter is None:
            self.abort()

    def on_headers_complete(self) -> None:
        """Learn whether the connection ends with this answer."""
        self._until_close = not self._parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Keep the answer; resolve the batch with its last."""
        self._inside, self._pending = False, 0
        status = self._parser.get_status_code()
        if status < 200:  # "100 Continue" announces the answer, and "101" is refused by the parser
            return
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._answers.append(Answer(status, body, time.monotonic(), self._first))
        if self._until_close:
            self.closed = True
            self._transport.close()
            self._resolve()
        elif len(self._answers) == len(self._paths):
            self._resolve()

    def _resolve(self) -> None:
        answers, waiter = self._answers, self._waiter
        # A kept connection holds no answers: a thousand idle ones would hold a hundred megabytes.
        self._answers, self._body, self._first, self._waiter = [], [], b"", None
        if waiter and not waiter.done():
            waiter.set_result(answers)

    def _fail(self, reason: FailureReason, what: str) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter and not waiter.done():
            call = self._paths[len(self._answers)].partition("?")[0]
            waiter.set_exception(Failed(reason, f"the answer to GET {call} {what}"))
        self.abort()
