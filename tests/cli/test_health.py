from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from subprocess import DEVNULL, Popen

import pytest

from registry.collectors import CollectorBeat, beat
from registry.embedded import start_server
from registry.migrate import upgrade
from registry.session import Engine, database_now
from tests.cli.person import VSA, Home, Person
from tests.end_to_end.house import wait_for
from tests.parts.ports import free_port
from tests.parts.postgres import Database, short_folder

PROGRAMS = ("api", "collector", "exporter")
TOKEN = "a-token-of-this-test"


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_that_works_is_healthy(home: Home, program: str) -> None:
    wait_for("it is healthy", lambda: home.vsa("health", program).code == 0)
    said = home.vsa("health", program)
    assert (said.code, said.out, said.err) == (0, "healthy\n", "")


def test_health_follows_the_database(person: Person) -> None:
    with short_folder("vsa-") as folder:
        server = start_server(folder)
        upgrade(server.owner_url, server.url)
        settings = {**ports(), "VSA_DATABASE_URL": server.url, "VSA_API_TOKEN": TOKEN}
        with running(person, settings):
            for program in PROGRAMS:
                wait_until_healthy(person, program, settings)
            server.stop()
            for program in PROGRAMS:
                said = person.vsa("health", program, **settings)
                assert (said.code, said.err) == (1, "")
                assert "database does not answer" in said.out
                assert said.out.count("\n") == 1
            server = start_server(folder)
            for program in PROGRAMS:
                wait_until_healthy(person, program, settings)
        server.stop()


def wait_until_healthy(person: Person, program: str, settings: Mapping[str, str]) -> None:
    wait_for(program, lambda: person.vsa("health", program, **settings).code == 0)


def ports() -> dict[str, str]:
    return {f"VSA_{name}_LISTEN": f"127.0.0.1:{free_port()}" for name in ("API", "EXPORTER")}


@contextmanager
def running(person: Person, settings: Mapping[str, str]) -> Iterator[None]:
    """All three programs; what they say while the database is away is of no interest."""
    environment = {**person.environment, **settings}
    processes = [Popen([*VSA, name], env=environment, stderr=DEVNULL) for name in PROGRAMS]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=20)


@pytest.mark.parametrize("program", ["api", "exporter"])
def test_a_program_that_does_not_run_is_not_healthy(person: Person, program: str) -> None:
    settings = ports()
    said = person.vsa("health", program, **settings)
    address = settings[f"VSA_{program.upper()}_LISTEN"]
    assert (said.code, said.err) == (1, "")
    assert said.out == f"{address} does not answer: Connection refused\n"


def test_a_question_that_is_answered_letter_by_letter_ends_in_time(person: Person) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=trickle, args=[server], daemon=True).start()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        before = time.monotonic()
        said = person.vsa("health", "api", VSA_API_LISTEN=address)
        assert time.monotonic() - before < 9
    assert (said.code, said.out) == (1, "no answer in time\n")


def trickle(server: socket.socket) -> None:
    peer, _ = server.accept()
    with peer, suppress(ConnectionError):  # it has gone by then
        peer.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(40):
            peer.sendall(b"x")
            time.sleep(0.25)


def test_another_program_on_the_port_is_not_taken_for_ours(home: Home) -> None:
    said = home.vsa("health", "exporter", VSA_EXPORTER_LISTEN=f"127.0.0.1:{home.api_port}")
    assert said.code == 1
    assert said.out.count("\n") == 1


async def heartbeat(engine: Engine, instance: str, age: float = 0) -> None:
    async with engine.begin() as tx:
        now = await database_now(tx)
        zero = dict.fromkeys(("probes_total", "failures_total", "discarded_total"), 0)
        own = CollectorBeat(
            **zero,
            instance=instance,
            version="0",
            started_at=now,
            cpu_seconds_total=0,
            resident_memory_bytes=0,
        )
        await beat(tx, own, now - timedelta(seconds=age))


@pytest.mark.parametrize(
    ("host", "pid"),
    [("elsewhere", os.getpid()), (socket.gethostname(), 1 << 30)],
    ids=["another host", "a dead process"],
)
async def test_a_collector_elsewhere_is_not_the_one_that_is_asked_for(
    person: Person, database: Database, engine: Engine, host: str, pid: int
) -> None:
    await heartbeat(engine, f"{host}:{pid}")
    said = person.vsa("health", "collector", VSA_DATABASE_URL=database.url)
    assert (said.code, said.out) == (1, "no collector that runs here has a heartbeat\n")


async def test_a_collector_whose_heart_stopped_is_not_healthy(
    person: Person, database: Database, engine: Engine
) -> None:
    await heartbeat(engine, f"{socket.gethostname()}:{os.getpid()}", age=100)
    said = person.vsa("health", "collector", VSA_DATABASE_URL=database.url)
    assert said.code == 1
    assert said.out.startswith("the last heartbeat came 10")


def test_json_says_who_and_why(person: Person) -> None:
    settings = ports()
    document = person.vsa("health", "api", "--json", **settings).document()
    reason = f"{settings['VSA_API_LISTEN']} does not answer: Connection refused"
    assert document == {"program": "api", "healthy": False, "reason": reason}


def test_whom_it_does_not_know_is_bad_usage(person: Person) -> None:
    said = person.vsa("health", "prometheus")
    assert said.code == 2
    assert "'prometheus' is not one of" in said.err
