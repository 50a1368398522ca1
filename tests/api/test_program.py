from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from api.program import StartError, prepare
from registry.audit import Actor, AuditFilter, list_entries
from registry.session import Engine, database_now, make_engine
from registry.settings import read_settings
from registry.tokens import Role, create_token, revoke_token
from tests.api.running import TOKEN, running_api
from tests.parts.postgres import Database, Server, empty_database, migrated_database

AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
ENTRIES, ENTRY_BYTES = 4000, 10_000

FILL = """
    INSERT INTO audit_logs (id, timestamp, actor, action, target, before, request_id, address,
                            result, canonical, hash)
    SELECT n, clock_timestamp(), 'test', 'fill', 'test', jsonb_build_object('x', repeat('x', %s)),
           '', '', 'ok', '', ''
    FROM generate_series(10, %s) n
"""
STREAMING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = %s AND application_name = 'vsa api' AND state LIKE 'idle in%%'
"""


Running = tuple[subprocess.Popen[bytes], str]


@pytest.fixture
def api(database: Database) -> Iterator[Running]:
    """A program of the test's own, to be stopped."""
    with running_api(database.url) as running:
        yield running


@pytest.fixture(scope="module")
def filled(server: Server) -> Iterator[Database]:
    with migrated_database(server) as database:
        fill(database)
        yield database


@pytest.fixture(scope="module")
def served(filled: Database) -> Iterator[Running]:
    """A program that serves a long audit trail, shared by the tests that leave it running."""
    with running_api(filled.url) as running:
        yield running


def fill(database: Database) -> None:
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute(FILL, (ENTRY_BYTES, ENTRIES + 9))


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def peak_memory(process: subprocess.Popen[bytes]) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) << 10


def begin_export(url: str) -> socket.socket:
    """Ask for the export and read its head only."""
    host, port = url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)))
    connection.sendall(
        f"GET /api/audit-logs/export?format=ndjson HTTP/1.1\r\nHost: {host}\r\n"
        f"Authorization: Bearer {TOKEN}\r\n\r\n".encode()
    )
    assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    return connection


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(api: Running, number: signal.Signals) -> None:
    process, _ = api
    process.send_signal(number)
    assert process.wait(10) == 0


def test_it_stops_within_its_grace_though_a_reader_stalls(api: Running, database: Database) -> None:
    process, url = api
    fill(database)
    with begin_export(url):
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_an_export_is_never_whole_in_memory(served: Running) -> None:
    process, url = served
    before, received = peak_memory(process), 0
    with httpx.stream(
        "GET", f"{url}/api/audit-logs/export?format=json", headers=AUTHORIZED
    ) as answer:
        for chunk in answer.iter_raw():
            received += len(chunk)
    assert received > ENTRIES * ENTRY_BYTES
    assert peak_memory(process) - before < received / 2


def test_a_reader_who_goes_away_ends_the_query(served: Running, filled: Database) -> None:
    _, url = served
    with psycopg.connect(filled.superuser_url, autocommit=True) as watcher:

        def streaming() -> int:
            row = watcher.execute(STREAMING, (filled.name,)).fetchone()
            assert row
            number: int = row[0]
            return number

        with begin_export(url):
            eventually(lambda: streaming() == 1)
        eventually(lambda: streaming() == 0)


def test_readers_who_stall_leave_room_for_others(served: Running) -> None:
    _, url = served
    with begin_export(url), begin_export(url):
        assert httpx.get(f"{url}/api/nodes", headers=AUTHORIZED, timeout=5).status_code == 200


@pytest.mark.parametrize("declared", [True, False])
def test_a_megabyte_is_refused_on_the_wire(served: Running, declared: bool) -> None:
    body = b" " * (1 << 20)
    answer = httpx.post(
        f"{served[1]}/api/nodes",
        content=body if declared else iter([body[: 1 << 14]] * 64),
        headers=AUTHORIZED | {"Content-Type": "application/json"},
    )
    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(("embedded", "hint"), [(False, "VSA_API_TOKEN"), (True, "`vsa up`")])
async def test_without_any_token_it_refuses_to_start_and_says_how_to_get_one(
    engine: Engine, embedded: bool, hint: str
) -> None:
    with pytest.raises(StartError, match=hint):
        await prepare(engine, read_settings({}), embedded=embedded)


async def test_the_token_of_the_settings_is_enough(engine: Engine) -> None:
    settings = read_settings({"VSA_API_TOKEN": TOKEN})
    await prepare(engine, settings, embedded=False)
    await prepare(engine, read_settings({}), embedded=False)


async def test_the_installation_watches_itself_from_its_first_start_on(engine: Engine) -> None:
    settings = {"VSA_DOCKER_HOST": "unix:///run/d.sock", "VSA_DASHBOARD_DOMAIN": "vsa.example.com"}
    await prepare(engine, read_settings({"VSA_API_TOKEN": TOKEN, **settings}), embedded=False)
    async with engine.begin() as tx:
        page = await list_entries(tx, AuditFilter(actor="settings"), limit=9)
    assert [entry.action for entry in page.items] == [
        "domain.create",
        "node.create",
        "token.create",
    ]


@pytest.mark.parametrize(("embedded", "hint"), [(False, "VSA_API_TOKEN"), (True, "`vsa up`")])
async def test_a_revoked_first_token_alone_does_not_let_it_start(
    engine: Engine, embedded: bool, hint: str
) -> None:
    settings = read_settings({"VSA_API_TOKEN": TOKEN})
    await prepare(engine, settings, embedded=embedded)
    async with engine.begin() as tx:
        await revoke_token(tx, "first", Actor("test"), await database_now(tx))
    with pytest.raises(StartError, match=f"was revoked.*{hint}"):
        await prepare(engine, settings, embedded=embedded)


async def test_a_setting_with_another_token_s_text_does_not_let_it_start(engine: Engine) -> None:
    async with engine.begin() as tx:
        now = await database_now(tx)
        _, clear = await create_token(tx, "ci", Role.READ, Actor("test"), now)
    with pytest.raises(StartError, match="VSA_PROXY_TOKEN: must be a text of its own"):
        await prepare(engine, read_settings({"VSA_PROXY_TOKEN": clear}), embedded=False)


async def test_without_migrations_it_refuses_to_start(server: Server) -> None:
    with empty_database(server) as database:
        engine = make_engine(database.owner_url, program="test")
        with pytest.raises(StartError, match="vsa db upgrade"):
            await prepare(engine, read_settings({}), embedded=False)
        await engine.dispose()


async def test_without_a_database_it_refuses_to_start() -> None:
    engine = make_engine("postgresql://vsa:a-secret@127.0.0.1:1/vsa", program="test")
    with pytest.raises(StartError, match="does not answer") as refused:
        await prepare(engine, read_settings({}), embedded=False)
    assert "a-secret" not in str(refused.value)
    await engine.dispose()
