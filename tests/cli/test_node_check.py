from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from cli.node_check import _FIXES
from registry.facts.outcomes import FailureReason
from tests.cli.person import Home


@pytest.fixture
def local(home: Home) -> str:
    """The name under which `vsa up` watches the local engine."""
    return str(home.rest("GET", "/nodes").json()["items"][0]["name"])


@pytest.fixture
def gone(home: Home) -> Iterator[str]:
    """A node whose engine is not there."""
    home.rest("POST", "/nodes", {"name": "gone", "docker_url": "unix:///nowhere/docker.sock"})
    yield "gone"
    home.rest("DELETE", "/nodes/gone")


def test_a_node_that_is_well_is_shown_step_by_step(home: Home, local: str) -> None:
    said = home.vsa("node", "check", local)
    assert said.code == 0, said.err
    steps = [line.split("  ") for line in said.out.splitlines() if " ok " in line]
    assert [words[1].strip() for words in steps][:3] == ["socket", "GET /version", "GET /info"]
    assert any("GET /containers/{id}/stats" in line for line in said.out.splitlines())
    assert "All works, in" in said.out
    assert "Docker 29.0.1" in said.out
    assert "API 1.52 is spoken; 3 containers." in said.out


def test_a_node_that_is_gone_says_where_the_way_ends_and_what_to_do(home: Home, gone: str) -> None:
    said = home.vsa("node", "check", gone)
    assert said.code == 3
    assert "socket  failed" in said.out
    assert "unreachable: /nowhere/docker.sock does not exist" in said.out
    assert "whether the socket is mounted where the collector runs" in said.out


def test_a_check_is_data_with_json(home: Home, local: str) -> None:
    document = json.loads(home.vsa("node", "check", local, "--json").out)
    assert document["outcome"] == "ok"
    assert document["steps"][0]["name"] == "socket"


def test_a_second_check_tells_its_own_steps(home: Home, local: str) -> None:
    first, second = (
        json.loads(home.vsa("node", "check", local, "--json").out)["steps"] for _ in range(2)
    )
    assert [step["name"] for step in first] == [step["name"] for step in second]
    assert first != second


def test_every_reason_has_something_to_do() -> None:
    assert _FIXES.keys() == set(FailureReason)
