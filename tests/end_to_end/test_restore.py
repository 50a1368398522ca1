"""The restore drill: a backup while everybody writes, all of it lost, and back."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.checks import breaches, goes_on, last_seen, verify
from tests.end_to_end.conftest import running
from tests.end_to_end.engines import engines
from tests.end_to_end.house import ROOT, House, wait_for
from tests.parts.postgres import Database, Server, empty_database

NODES = 3


@pytest.fixture
def lost(server: Server) -> Iterator[Database]:
    """Where everything was, and is gone."""
    with empty_database(server) as database:
        yield database


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    with engines(*(f"restless-{number}" for number in range(NODES))) as urls:
        yield urls


@contextmanager
def registering(house: House) -> Iterator[dict[str, datetime]]:
    """Register domains all the time; yields when each was acknowledged."""
    acknowledged: dict[str, datetime] = {}
    stop = threading.Event()

    def register() -> None:
        number = 0
        with httpx.Client(base_url=house.client.base_url, headers=house.client.headers) as client:
            while not stop.wait(0.02):  # one page of a list holds them all
                name = f"d{number}.test"
                body = {"name": name, "enabled": False}
                client.post("/api/domains", json=body).raise_for_status()
                acknowledged[name] = datetime.now(UTC)
                number += 1

    thread = threading.Thread(target=register)
    thread.start()
    try:
        yield acknowledged
    finally:
        stop.set()
        thread.join()


def ask(house: House, *arguments: str) -> dict[str, Any]:
    """Run a command that answers as JSON."""
    done = subprocess.run(
        house.vsa(*arguments), env=house.environment, cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_what_was_acknowledged_before_the_snapshot_survives_the_loss_of_all(
    database: Database, lost: Database, urls: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "vsa.dump"
    with running(database, {}, tmp_path) as house:
        house.start("api", "collector")
        for name, url in urls.items():
            body = {"name": name, "docker_url": url}
            house.client.post("/api/nodes", json=body).raise_for_status()
        with registering(house) as acknowledged:
            wait_for("all nodes are seen", lambda: all(last_seen(house).values()))
            wait_for("many are registered", lambda: len(acknowledged) > 20)
            told = ask(house, "backup", str(file), "--json")
            enough = len(acknowledged) + 5
            wait_for("it goes on after the backup", lambda: len(acknowledged) > enough)
        seen_before = last_seen(house)

    with running(lost, {}, tmp_path) as house:
        restored = ask(house, "restore", str(file), "--head", told["audit_head"], "--json")
        assert restored["broken_at"] is None
        assert restored["audit_records"] == told["audit_records"] > 20
        house.start("api", "collector")
        kept = {domain["name"] for domain in house.items("/api/domains?limit=500")}
        taken_at = datetime.fromisoformat(told["taken_at"])
        assert {name for name, at in acknowledged.items() if at < taken_at} <= kept
        assert kept < set(acknowledged)
        assert set(last_seen(house)) == set(seen_before)
        goes_on(house)
        assert not breaches(lost)
        assert verify(house) is None
        (entry,) = house.items("/api/audit-logs?action=database.restore")
        assert entry["after"]["audit_head"] == told["audit_head"]
