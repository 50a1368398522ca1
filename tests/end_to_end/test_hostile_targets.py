"""Nodes and endpoints that misbehave: each costs its own time-out, never a neighbour's tick."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import running
from tests.end_to_end.engines import MISCHIEF, engines
from tests.end_to_end.house import House, wait_for
from tests.parts.postgres import Database
from tests.parts.tls import Authority, serve

GOOD = [f"good-{number}" for number in range(50)]
REASONS = {
    "hang": "timeout",
    "trickle": "timeout",
    "garbage": "protocol",
    "endless": "too_large",
    "leave": "protocol",
    "break": "protocol",
    "half": "protocol",
    "cut": "protocol",
    "wrong": "protocol",
    "refuse": "forbidden",
}


@pytest.fixture
def house(own_database: Database, tmp_path: Path) -> Iterator[House]:
    """A house where everything is asked each second, and may take a second."""
    settings = {"VSA_SCRAPE_TIMEOUT": "1s", "VSA_PROBE_TIMEOUT": "1s", "VSA_PROBE_INTERVAL": "1s"}
    with running(own_database, settings, tmp_path) as house:
        house.start("api", "collector", "exporter")
        yield house


def failures(house: House, path: str) -> dict[str, str]:
    """Name to failure reason, of the targets whose last attempt failed."""
    states: list[dict[str, Any]] = house.items(path)
    return {
        item["name"]: item["state"]["failure"]["reason"]
        for item in states
        if item["state"]["failure"]
    }


def scrapes(house: House) -> dict[str, int]:
    """Name to the number of scrapes made, from the metrics."""
    lines = house.metrics().splitlines()
    found = [line for line in lines if line.startswith("vsa_node_scrapes_total{")]
    return {line.split('"')[1]: int(float(line.rpartition(" ")[2])) for line in found}


def test_hostile_engines_get_their_reasons_and_good_ones_every_tick(house: House) -> None:
    assert REASONS.keys() == MISCHIEF.keys()
    with engines(*GOOD, *REASONS) as urls:
        for name, url in urls.items():
            body = {"name": name, "docker_url": url}
            house.client.post("/api/nodes", json=body).raise_for_status()
        wait_for("each has its reason", lambda: failures(house, "/api/nodes") == REASONS)
        before = scrapes(house)
        wait_for("ten ticks went by", lambda: scrapes(house)[GOOD[0]] >= before[GOOD[0]] + 10)
        done = {name: count - before[name] for name, count in scrapes(house).items()}
    # A tick falls on either side of the reading: one more or less is no miss.
    assert all(9 <= done[name] <= 11 for name in GOOD), done


def test_an_endpoint_that_stalls_is_a_timeout_and_its_neighbour_is_on_time(
    house: House,
) -> None:
    with ExitStack() as stack:
        stalls = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        good = stack.enter_context(serve(Authority.create().issue(["127.0.0.1"])))
        ids = {}
        for name, port in (("stalls", stalls.getsockname()[1]), ("good", good.port)):
            body = {"name": "127.0.0.1", "port": port, "labels": {"is": name}}
            answer = house.client.post("/api/domains", json=body).raise_for_status()
            ids[name] = answer.json()["id"]
        outcomes = {
            name: house.client.post(f"/api/domains/{number}/probe").json()
            for name, number in ids.items()
        }
    assert outcomes["stalls"]["failure"]["reason"] == "timeout"
    assert outcomes["good"]["outcome"] == "ok"
