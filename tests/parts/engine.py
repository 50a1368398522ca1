"""A stand-in for a Docker engine: answers as the API's documents say, and misbehaves on demand.

Fast enough to measure a client against: answers are rendered once and kept until something changes.
Runs by itself, too: `python -m tests.parts.engine SOCKET --containers 20 --api 1.52`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs

from tests.parts.engine_world import World

# What a path asks for: the kind names the phase of a scrape in which it is asked.
_PATH = re.compile(
    r"(?:/v(?P<api>[\d.]+))?/(?:(?P<kind>version|info|events)|containers/(?P<list>json)"
    r"|(?P<images>images/json)|(?P<disk>system/df)"
    r"|containers/(?P<id>[0-9a-f]{64})/(?P<about>json|stats))(?:\?(?P<query>.*))?"
)

# Given the transport and the good answer, do something else with them.
Mischief = Callable[[asyncio.Transport, bytes], Awaitable[None]]


class StandIn:
    """An engine on paper behind a real socket; `mischief` maps a kind of question to a misdeed."""

    def __init__(self, world: World | None = None, *, stats_delay: float = 0.0) -> None:
        self.url = ""
        self.world = world or World()
        self.stats_delay = stats_delay
        self.mischief: dict[str, Mischief] = {}
        self.requests: list[str] = []
        self.recording = True
        self.connections: set[_Connection] = set()
        self.most_connections = 1 << 16  # those beyond are reset
        self._rendered: dict[str, bytes] = {}
        self._revision = -1
        self._head = (0, b"")

    def drop_connections(self) -> None:
        """Close every connection, as an engine that restarts does."""
        for connection in tuple(self.connections):
            connection.transport.abort()

    def answer(self, path: str) -> bytes:
        """The whole response to one GET."""
        if self._revision != self.world.revision:
            self._rendered.clear()
            self._revision = self.world.revision
        rendered = self._rendered.get(path)
        if rendered is None:
            rendered = self._render(path)
            if "/events" not in path:
                self._rendered[path] = rendered
        return self._with_headers(rendered)

    def _with_headers(self, rendered: bytes) -> bytes:
        status, _, rest = rendered.partition(b"\r\n")
        return b"HTTP/1.1 " + status + self._headers() + rest

    def _headers(self) -> bytes:
        second = self.world.now() // 1_000_000_000
        if self._head[0] != second:
            text = f"\r\nApi-Version: {self.world.api}\r\nContent-Type: application/json\r\n"
            text += f"Docker-Experimental: false\r\nOstype: linux\r\nServer: Docker/{self.world.version}"
            text += f" (linux)\r\nDate: {formatdate(second, usegmt=True)}\r\n"
            self._head = (second, text.encode())
        return self._head[1]

    def _render(self, path: str) -> bytes:
        match = _PATH.fullmatch(path)
        if match is None:
            return framed(b'{"message":"page not found"}', "404 Not Found")
        if (api := match["api"]) and int(api.partition(".")[2]) > self.world.minor:
            return framed(
                b'{"message":"client version %b is too new"}' % api.encode(), "400 Bad Request"
            )
        box = self.world.boxes.get(match["id"] or "")
        if match["id"] and box is None:
            return framed(b'{"message":"No such container"}', "404 Not Found")
        if match["kind"] == "events":
            return framed(self._events(match["query"] or ""))
        document = self.world.document(kind_of(path), box)
        return framed(json.dumps(document, separators=(",", ":")).encode() + b"\n")

    def _events(self, query: str) -> bytes:
        """What the engine's buffer holds from `since` to `until`, searched as the engine searches."""
        asked = {key: _nano(values[0]) for key, values in parse_qs(query).items()}
        told: list[bytes] = []
        for time_nano, line in reversed(self.world.events):
            if time_nano < asked["since"]:
                break
            if time_nano <= asked["until"]:
                told.append(line)
        return b"".join(reversed(told))


def kind_of(path: str) -> str:
    """The kind of question that a path asks: version, info, list, inspect, stats, images, …"""
    match = _PATH.fullmatch(path)
    assert match, path
    for kind in ("list", "images", "disk"):
        if match[kind]:
            return kind
    return match["kind"] or {"json": "inspect", "stats": "stats"}[match["about"]]


def framed(body: bytes, status: str = "200 OK") -> bytes:
    """Status and what follows the shared headers, as Go frames it: long bodies come in a chunk."""
    if len(body) <= 2048:
        return b"%b\r\nContent-Length: %d\r\n\r\n%b" % (status.encode(), len(body), body)
    frame = b"%b\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
    return frame % (status.encode(), len(body), body)


def _nano(text: str) -> int:
    seconds, _, fraction = text.partition(".")
    return int(seconds) * 1_000_000_000 + int(fraction.ljust(9, "0"))


class _Connection(asyncio.Protocol):
    """Answers in order; at once where it can, by a task where it must wait or misbehave."""

    transport: asyncio.Transport

    def __init__(self, engine: StandIn) -> None:
        self._engine = engine
        self._buffer = b""
        self._paths: asyncio.Queue[str] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._engine.connections.add(self)
        if len(self._engine.connections) > self._engine.most_connections:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._engine.connections.discard(self)
        if self._task:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        *requests, self._buffer = (self._buffer + data).split(b"\r\n\r\n")
        paths = [request.split(b" ", 2)[1].decode() for request in requests]
        if self._engine.recording:
            self._engine.requests += [
                f"{request.split(b' ', 2)[0].decode()} {path}"
                for request, path in zip(requests, paths, strict=True)
            ]
        if not (self._task or self._engine.mischief or self._engine.stats_delay):
            self.transport.write(b"".join(map(self._engine.answer, paths)))
            return
        for path in paths:
            self._paths.put_nowait(path)
        self._task = self._task or asyncio.create_task(self._work())

    async def _work(self) -> None:
        while True:
            path = await self._paths.get()
            kind = kind_of(path)
            if kind == "stats":
                await asyncio.sleep(self._engine.stats_delay)
            answer = self._engine.answer(path)
            if mischief := self._engine.mischief.get(kind):
                await mischief(self.transport, answer)
            else:
                self.transport.write(answer)


@asynccontextmanager
async def serving(engine: StandIn, path: Path) -> AsyncIterator[str]:
    """Serve a stand-in on a socket; yields its URL."""
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(lambda: _Connection(engine), path)
    engine.url = f"unix://{path}"
    try:
        yield engine.url
    finally:
        server.close()
        engine.drop_connections()
        await asyncio.sleep(0)


@asynccontextmanager
async def serving_tls(engine: StandIn, context: ssl.SSLContext) -> AsyncIterator[str]:
    """Serve a stand-in over TLS on a free port of loopback; yields its URL."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(engine), "127.0.0.1", 0, ssl=context)
    engine.url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield engine.url
    finally:
        server.close()
        engine.drop_connections()
        await asyncio.sleep(0)


# ---------------------------------------------------------------------------- mischief


async def hang(transport: asyncio.Transport, good: bytes) -> None:
    """Say nothing, for ever."""
    del transport, good
    await asyncio.Event().wait()


async def trickle(transport: asyncio.Transport, good: bytes) -> None:
    """Send the answer a byte at a time, twenty a second."""
    for byte in good:
        transport.write(bytes([byte]))
        await asyncio.sleep(0.05)


async def endless(transport: asyncio.Transport, good: bytes) -> None:
    """Send a body that never ends, as fast as it is taken."""
    head = good.partition(b"\r\n")[0] + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
    transport.write(head + b'2\r\n["\r\n')
    chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    while not transport.is_closing():
        if transport.get_write_buffer_size() < 1 << 20:
            transport.write(chunk)
        await asyncio.sleep(0)


async def hang_up(transport: asyncio.Transport, good: bytes) -> None:
    """Close the connection without an answer."""
    del good
    transport.close()


async def half_close(transport: asyncio.Transport, good: bytes) -> None:
    """Close the own half of the connection and go on listening."""
    del good
    transport.write_eof()
    await asyncio.Event().wait()


async def break_off(transport: asyncio.Transport, good: bytes) -> None:
    """Close the connection in the middle of the answer."""
    transport.write(good[:-20])
    transport.close()


async def garbage(transport: asyncio.Transport, good: bytes) -> None:
    """Send what is not HTTP."""
    del good
    transport.write(b"\x16\x03\x01\x02\x00\x01\xff\xfe\x00garbage\r\n")


def saying(body: bytes, status: str = "200 OK") -> Mischief:
    """Answer with another body or status."""

    async def say(transport: asyncio.Transport, good: bytes) -> None:
        del good
        transport.write(
            b"HTTP/1.1 " + framed(body, status).replace(b"\r\n", b"\r\nX-Stand-In: 1\r\n", 1)
        )

    return say


# ---------------------------------------------------------------------------- by itself


async def _serve(arguments: argparse.Namespace) -> None:
    engine = StandIn(World(arguments.api), stats_delay=arguments.stats_delay)
    engine.recording = False
    for number in range(arguments.containers):
        engine.world.run(f"web-{number}", labels={"com.docker.compose.project": "shop"})
        await asyncio.sleep(0.002)
    async with serving(engine, arguments.socket) as url:
        print(url, flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("socket", type=Path)
    parser.add_argument("--containers", type=int, default=20)
    parser.add_argument("--api", default="1.52")
    parser.add_argument("--stats-delay", type=float, default=0.0)
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
