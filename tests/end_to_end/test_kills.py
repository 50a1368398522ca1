"""kill -9 of every program, at named points and at random moments: nothing twice, nothing lost."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.end_to_end.checks import breaches, goes_on, last_seen, verify
from tests.end_to_end.conftest import running
from tests.end_to_end.doomed_collector import POINTS
from tests.end_to_end.engines import engines
from tests.end_to_end.house import ROOT, House, wait_for
from tests.parts.postgres import Database

NODES = 6
SEED = 20261123


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    """Engines in which a container dies and returns all the time."""
    with engines(*(f"restless-{number}" for number in range(NODES))) as urls:
        yield urls


@pytest.fixture
def house(database: Database, urls: dict[str, str], tmp_path: Path) -> Iterator[House]:
    with running(database, {"VSA_SCRAPE_TIMEOUT": "1s"}, tmp_path) as house:
        house.start("api")
        for name, url in urls.items():
            body = {"name": name, "docker_url": url}
            house.client.post("/api/nodes", json=body).raise_for_status()
        yield house


@pytest.mark.parametrize("point", POINTS)
def test_a_collector_killed_at_a_point_leaves_nothing_twice_or_lost(
    house: House, database: Database, point: str
) -> None:
    house.start("collector")
    wait_for("all nodes are seen", lambda: all(last_seen(house).values()))
    house.kill("collector")
    command = [sys.executable, "-m", "tests.end_to_end.doomed_collector", point]
    doomed = subprocess.run(command, env=house.environment, cwd=ROOT, check=False, timeout=30)
    assert doomed.returncode == -9
    house.start("collector")
    goes_on(house)
    assert not breaches(database)


def test_a_dead_collector_s_targets_are_due_again_when_their_leases_end(
    house: House, database: Database
) -> None:
    command = [sys.executable, "-m", "tests.end_to_end.doomed_collector", "after_claim"]
    subprocess.run(command, env=house.environment, cwd=ROOT, check=False, timeout=30)
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT max(lease_until), max(lease_until) - clock_timestamp() FROM schedule"
        ).fetchone()
    assert rows is not None
    ends, left = rows
    assert 4 < left.total_seconds() <= 6  # time-out 1 s and the margin of 5 s
    house.start("collector")
    wait_for("all nodes are seen", lambda: all(last_seen(house).values()))
    assert min(last_seen(house).values()) >= ends.isoformat().replace("+00:00", "Z")


def test_kills_at_random_moments_leave_nothing_twice_or_lost(
    house: House, database: Database
) -> None:
    chance = random.Random(SEED)
    house.start("collector", "exporter")
    acknowledged = []
    for number in range(12):
        acknowledged += create_some(house, number)
        time.sleep(chance.uniform(0.1, 1.2))  # the random moment itself
        victim = chance.choice(["api", "collector", "exporter", "postgres"])
        if victim == "postgres":
            kill_backend(database, chance)
        else:
            house.kill(victim)
            house.start(victim)
    goes_on(house)
    assert not breaches(database)
    kept = {domain["name"] for domain in house.items("/api/domains?limit=500")}
    assert set(acknowledged) <= kept
    assert verify(house) is None


def create_some(house: House, number: int) -> list[str]:
    """Register domains; only those that the API acknowledged count."""
    names = [f"d{number}-{n}.test" for n in range(3)]
    done = []
    for name in names:
        try:
            answer = house.client.post("/api/domains", json={"name": name, "enabled": False})
        except httpx.TransportError:
            continue
        if answer.status_code == httpx.codes.CREATED:
            done.append(name)
    return done


def kill_backend(database: Database, chance: random.Random) -> None:
    """kill -9 a server process of this database: PostgreSQL then recovers as from a crash."""
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        pids = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            [database.name],
        ).fetchall()
    if pids:
        subprocess.run(["kill", "-9", str(chance.choice(pids)[0])], check=False)
