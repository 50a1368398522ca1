from __future__ import annotations

import logging
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from exporter.program import make_app
from registry.embedded import start_server
from registry.migrate import upgrade
from registry.session import Engine, make_engine
from tests.exporter.reading import assert_promtool_is_content, values
from tests.exporter.running import running_exporter
from tests.exporter.watch import DEFAULTS, Watch
from tests.parts.postgres import Database, Server, empty_database, short_folder


def served(engine: Engine) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(make_app(engine, DEFAULTS))
    return httpx.AsyncClient(transport=transport, base_url="http://exporter")


@pytest.fixture
async def lost(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """An exporter whose database is nowhere."""
    engine = make_engine(f"postgresql://vsa@/vsa?host={tmp_path}", program="test")
    async with served(engine) as client:
        yield client
    await engine.dispose()


async def test_the_fleets_page_shows_what_the_registry_holds(
    watch: Watch, client: httpx.AsyncClient
) -> None:
    await watch.add_node("web-1")
    await watch.add_domain("shop.example")
    page = (await client.get("/metrics")).text
    assert_promtool_is_content(page)
    assert '{node="web-1"}' in values(page, "vsa_node_scrapes_total")
    assert '{domain="shop.example",port="443"}' in values(page, "vsa_domain_probes_total")


async def test_a_person_is_told_where_things_are(client: httpx.AsyncClient) -> None:
    index = await client.get("/")
    assert index.headers["content-type"].startswith("text/html")
    assert "/metrics/nodes/" in index.text


async def test_health_needs_no_database(lost: httpx.AsyncClient) -> None:
    assert (await lost.get("/healthz")).text == "ok\n"


async def test_it_is_ready_when_its_tables_are(client: httpx.AsyncClient) -> None:
    answer = await client.get("/readyz")
    assert answer.text == "ready\n"
    assert answer.headers["content-type"].startswith("text/plain")


async def test_without_tables_it_is_not_ready_and_says_what_helps(server: Server) -> None:
    with empty_database(server) as bare:
        engine = make_engine(bare.url, program="test")
        async with served(engine) as client:
            answer = await client.get("/readyz")
        await engine.dispose()
    assert answer.status_code == 503
    assert "`vsa db upgrade`" in answer.text


async def test_without_a_database_the_pages_are_unavailable_and_it_is_logged_once(
    lost: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    for path in ("/metrics", "/metrics/nodes/web-1", "/readyz", "/metrics"):
        answer = await lost.get(path)
        assert answer.status_code == 503
        assert answer.text.startswith("The database does not answer")
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


async def test_the_pages_come_back_with_the_database() -> None:
    with short_folder("vsa-") as folder:
        server = start_server(folder)
        upgrade(server.owner_url, server.url)
        engine = make_engine(server.url, program="test")
        async with served(engine) as client:
            assert (await client.get("/metrics")).status_code == 200
            server.stop()
            assert (await client.get("/metrics")).status_code == 503
            server = start_server(folder)
            assert (await client.get("/metrics")).status_code == 200
        await engine.dispose()
        server.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_program_cleanly(
    database: Database, tmp_path: Path, number: signal.Signals
) -> None:
    log = tmp_path / "log"
    with running_exporter(database.url, log) as exporter:
        assert exporter.get("/metrics").status_code == 200
        exporter.process.send_signal(number)
        assert exporter.process.wait(timeout=10) == 0
    assert log.read_text(encoding="utf-8") == ""
