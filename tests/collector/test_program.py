from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pytest
from sqlalchemy import text

from collector import program
from registry.migrate import upgrade
from registry.partitions import create_partitions
from registry.session import Engine, make_engine
from registry.settings import read_settings
from tests.parts.postgres import Database, Server, empty_database
from tests.parts.tls import Authority


@asynccontextmanager
async def collecting(
    engine: Engine, settings: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[asyncio.Task[None]]:
    stop = asyncio.Event()
    task = asyncio.create_task(program.collect(read_settings(settings), engine, stop))
    try:
        yield task
    finally:
        stop.set()
        await task


async def heartbeats(engine: Engine) -> int:
    async with engine.begin() as tx:
        number: int = (await tx.execute(text("SELECT count(*) FROM collectors"))).scalar_one()
    return number


async def until_it_beats(engine: Engine) -> None:
    async with asyncio.timeout(20):
        while not await heartbeats(engine):
            await asyncio.sleep(0.05)


async def test_a_collector_tells_that_it_lives(engine: Engine) -> None:
    async with collecting(engine):
        await until_it_beats(engine)


async def test_a_collector_forgets_days_older_than_the_retention(engine: Engine) -> None:
    async with engine.begin() as tx:
        await create_partitions(tx, datetime(2001, 1, 30, tzinfo=UTC))
    old = text("SELECT to_regclass('events_20010130') IS NOT NULL")
    async with collecting(engine), asyncio.timeout(20), engine.connect() as connection:
        while (await connection.execute(old)).scalar_one():
            await connection.rollback()
            await asyncio.sleep(0.05)


async def test_a_collector_waits_for_the_tables_and_says_so(
    server: Server, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "_PATIENCE_SECONDS", 0.05)
    with empty_database(server) as database:
        engine = make_engine(database.url, program="test")
        async with collecting(engine) as task:
            async with asyncio.timeout(20):
                while "vsa db upgrade" not in caplog.text:
                    await asyncio.sleep(0.05)
            assert not task.done()
            await asyncio.to_thread(upgrade, database.owner_url, database.url)
            await until_it_beats(engine)
        await engine.dispose()


async def test_a_collector_waits_for_a_database_that_does_not_answer(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    engine = make_engine(
        f"{database.url}&connect_timeout=2".replace("host=", "host=/nowhere"), program="test"
    )
    async with collecting(engine) as task:
        async with asyncio.timeout(20):
            while "does not answer" not in caplog.text:
                await asyncio.sleep(0.05)
        assert not task.done()
    await engine.dispose()


async def test_a_collector_reads_certificates_in_files(engine: Engine, tmp_path: Path) -> None:
    identity = Authority.create().issue(["example.test"])
    (tmp_path / "cert.pem").write_bytes(identity.pem())
    settings = {"VSA_CERTIFICATE_FILES": str(tmp_path), "VSA_CERTIFICATE_HOST": "web-1"}
    found = text("SELECT host, place, fingerprint FROM known_certificates")
    async with collecting(engine, settings), asyncio.timeout(20), engine.connect() as connection:
        while not (rows := (await connection.execute(found)).all()):
            await connection.rollback()
            await asyncio.sleep(0.05)
    assert [tuple(row) for row in rows] == [("web-1", f"{tmp_path}/cert.pem", identity.fingerprint)]
