"""One engine's client: a few kept connections, batches of GETs spread over them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from ssl import SSLError

from collector.docker.failures import Failed
from collector.docker.http import Answer, Connection
from collector.docker.transport import Transport
from registry.facts.outcomes import FailureReason

# An old engine is asked over up to 64 connections at once; kept open for a fleet of such engines
# they would use up the process's files.
_KEPT = 4


class Client:
    """Asks one engine. `max_bytes` bounds each answer; the counters rise for the client's life."""

    def __init__(self, transport: Transport) -> None:
        self.max_bytes = 0
        self.requests = 0
        self.received_bytes = 0
        self.cpu_seconds = 0.0  # of reading answers
        self.certificate = b""  # that the engine showed over the newest connection, in DER
        self._transport = transport
        self._idle: list[Connection] = []

    @property
    def connected(self) -> bool:
        """Whether a connection of an earlier scrape is still open."""
        return any(not connection.closed for connection in self._idle)

    async def get(self, path: str) -> Answer:
        """Ask one question. Raises Failed or OSError."""
        return (await self._get_in_order([path]))[0]

    async def get_all(self, paths: Sequence[str], lanes: int) -> list[Answer]:
        """Ask many questions over `lanes` connections at once; answers in the order of `paths`.

        Within a lane the engine answers one after the other. Raises Failed or OSError.
        """
        if lanes <= 1:
            return await self._get_in_order(paths)
        shares = await _together(self._get_in_order(paths[lane::lanes]) for lane in range(lanes))
        return [shares[number % lanes][number // lanes] for number in range(len(paths))]

    def keep(self, lanes: int) -> None:
        """Close idle connections beyond those that the next questions go over."""
        while len(self._idle) > max(lanes, 1):
            self._idle.pop().abort()

    def close(self) -> None:
        """Drop every connection."""
        for connection in self._idle:
            connection.abort()
        self._idle.clear()
        self._transport.close()

    async def _get_in_order(self, paths: Sequence[str]) -> list[Answer]:
        """Ask down one connection; where it ends between two answers, go on down a new one."""
        answers: list[Answer] = []
        while len(answers) < len(paths):
            kept = self._take()
            connection = kept or await self._connect()
            more = await self._ask(connection, paths[len(answers) :])
            if not more and kept is None:
                # TLS 1.3 tells of a refused certificate only after the handshake, as an answer.
                if isinstance(connection.lost, SSLError):
                    raise connection.lost
                call = paths[len(answers)].partition("?")[0]
                raise Failed(FailureReason.PROTOCOL, f"GET {call}: closed without an answer")
            answers += more
            if not connection.closed and len(self._idle) < _KEPT:
                self._idle.append(connection)
            else:
                connection.abort()
        return answers

    async def _connect(self) -> Connection:
        connection = await self._transport.connect()
        self.certificate = connection.certificate
        return connection

    async def _ask(self, connection: Connection, paths: Sequence[str]) -> list[Answer]:
        received_bytes, cpu_seconds = connection.received_bytes, connection.cpu_seconds
        try:
            answers = await connection.ask(paths, self.max_bytes)
        finally:
            self.received_bytes += connection.received_bytes - received_bytes
            self.cpu_seconds += connection.cpu_seconds - cpu_seconds
        self.requests += len(answers)
        return answers

    def _take(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed:
                return connection
        return None


async def _together(lanes: Iterable[Coroutine[None, None, list[Answer]]]) -> list[list[Answer]]:
    """Run all lanes at once; the first failure ends the others."""
    tasks = [asyncio.create_task(lane) for lane in lanes]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
