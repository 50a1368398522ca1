from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collector.docker.failures import Failed
from collector.docker.http import Answer, Connection

HEAD = b"HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 00:51:05 GMT\r\n"


class Script:
    """A server that answers whatever is asked with what the test wrote."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reply = b""
        self.closes = False
        self.asked = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked += await reader.read(1 << 16)
        writer.write(self.reply)
        await writer.drain()
        if not self.closes:
            await reader.read()
        writer.close()


@pytest.fixture
async def script(tmp_path: Path) -> AsyncIterator[Script]:
    script = Script(tmp_path / "http.sock")
    server = await asyncio.start_unix_server(script.serve, script.path)
    yield script
    server.close()


async def ask(script: Script, *paths: str, max_bytes: int = 1 << 20) -> list[Answer]:
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_unix_connection(Connection, str(script.path))
    try:
        async with asyncio.timeout(5):
            return await connection.ask(paths, max_bytes)
    finally:
        connection.abort()


async def test_a_batch_is_sent_at_once_and_answered_in_order(script: Script) -> None:
    reply = b"Content-Length: 1\r\n\r\n%b"
    script.reply = HEAD + reply % b"a" + HEAD + reply % b"b"
    assert [answer.body for answer in await ask(script, "/a", "/b")] == [b"a", b"b"]
    assert script.asked.count(b"GET /") == 2
    assert b"Host: docker\r\n" in script.asked


async def test_the_date_of_the_first_answer_is_kept(script: Script) -> None:
    script.reply = HEAD + b"Content-Length: 1\r\n\r\na"
    (answer,) = await ask(script, "/")
    assert answer.date == b"Mon, 23 Nov 2026 00:51:05 GMT"


async def test_chunks_are_joined(script: Script) -> None:
    script.reply = HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    assert (await ask(script, "/"))[0].body == b"abc"


async def test_a_body_without_length_ends_with_the_connection(script: Script) -> None:
    script.reply, script.closes = HEAD + b"\r\nall of it", True
    assert (await ask(script, "/"))[0].body == b"all of it"


async def test_an_announcement_is_no_answer(script: Script) -> None:
    script.reply = b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 1\r\n\r\na"
    assert [answer.status for answer in await ask(script, "/")] == [200]


async def test_a_switch_to_another_protocol_fails(script: Script) -> None:
    script.reply = b"HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\nhello"
    with pytest.raises(Failed, match="not HTTP"):
        await ask(script, "/")


async def test_a_connection_that_ends_between_answers_gives_those_before(script: Script) -> None:
    script.reply = HEAD + b"Connection: close\r\nContent-Length: 1\r\n\r\na"
    assert len(await ask(script, "/a", "/b")) == 1


@pytest.mark.parametrize("part", [HEAD, HEAD + b"Content-Length: 9\r\n\r\na", b"HTTP/1.1 200 "])
async def test_a_connection_that_ends_within_an_answer_fails(script: Script, part: bytes) -> None:
    script.reply, script.closes = part, True
    with pytest.raises(Failed, match="GET / broke off in the middle"):
        await ask(script, "/")


async def test_endless_headers_are_too_large(script: Script) -> None:
    script.reply = HEAD + b"X-Filler: " + b"x" * (1 << 20)
    with pytest.raises(Failed, match="larger than"):
        await ask(script, "/", max_bytes=1 << 16)


async def test_a_closed_connection_answers_nothing(script: Script) -> None:
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_unix_connection(Connection, str(script.path))
    connection.abort()
    assert await connection.ask(["/"], 1 << 20) == []
