from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.person import Home


@pytest.fixture
def local(home: Home) -> str:
    """The name under which `vsa up` watches the local engine."""
    return str(nodes(home)[0]["name"])


@pytest.fixture
def gone(home: Home) -> Iterator[str]:
    """A node whose engine is not there."""
    home.rest("POST", "/nodes", {"name": "gone", "docker_url": "unix:///nowhere/docker.sock"})
    yield "gone"
    home.rest("DELETE", "/nodes/gone")


def nodes(home: Home) -> list[dict[str, object]]:
    items: list[dict[str, object]] = home.rest("GET", "/nodes").json()["items"]
    return items


def test_the_local_engine_is_watched_by_itself(home: Home) -> None:
    assert [node["docker_url"] for node in nodes(home)] == [home.environment["VSA_DOCKER_HOST"]]


def test_a_node_is_shown_with_its_engine_and_containers_the_unwell_first(
    home: Home, local: str
) -> None:
    said = home.vsa("node", "show", local)
    assert said.code == 0, said.err
    assert "29.0.1, API 1.52" in said.out
    order = [said.out.index(f" {name} ") for name in ("sick", "migrate", "web")]
    assert max(order[:2]) < order[2]


def test_a_new_node_that_does_not_answer_is_added_with_what_is_wrong(home: Home) -> None:
    said = home.vsa("node", "add", "away", "unix:///nowhere/docker.sock")
    removed = home.vsa("node", "rm", "away")
    assert (said.code, removed.code) == (0, 0)
    assert "/nowhere/docker.sock does not exist" in said.out


def test_a_check_of_a_node_that_does_not_answer_exits_with_3(home: Home, gone: str) -> None:
    said = home.vsa("node", "check", gone)
    assert said.code == 3
    assert "/nowhere/docker.sock does not exist" in said.out


def test_a_check_as_json_is_the_api_s_answer_alone(home: Home, gone: str) -> None:
    said = home.vsa("node", "check", gone, "--json")
    document = said.document()
    assert isinstance(document, dict)
    assert document["failure"]["reason"] == "unreachable"
    assert said.code == 3


def test_only_what_is_given_changes(home: Home, gone: str) -> None:
    set_node = ("node", "set", gone)
    assert home.vsa(*set_node, "--label", "site=berlin", "--interval", "30s", "--disable").code == 0
    assert home.vsa(*set_node, "--unlabel", "site", "--label", "rack=4").code == 0
    assert home.vsa(*set_node, "--interval", "default").code == 0
    node = next(node for node in nodes(home) if node["name"] == gone)
    assert (node["labels"], node["interval"], node["enabled"]) == ({"rack": "4"}, None, False)


def test_a_label_picks_nodes(home: Home, gone: str) -> None:
    home.rest("PATCH", f"/nodes/{gone}", {"labels": {"site": "oslo"}})
    listing = home.vsa("node", "list", "--label", "site=oslo", "--json").document()
    assert isinstance(listing, dict)
    assert [node["name"] for node in listing["items"]] == [gone]


def test_a_disabled_node_is_added_without_a_question(home: Home) -> None:
    said = home.vsa("node", "add", "later", "unix:///run/later.sock", "--disabled", "--json")
    home.rest("DELETE", "/nodes/later")
    document = said.document()
    assert isinstance(document, dict)
    assert (document["enabled"], document["state"]["last_attempt_at"]) == (False, None)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("add", "Bad Name", "unix:///x"), "vsa: name: must begin with a-z or 0-9"),
        (("add", "n", "http://x"), "vsa: docker_url: must be unix://"),
        (("add", "n", "unix:///x", "--interval", "1h"), "vsa: interval: must be from 1s to 2m"),
        (("show", "nobody"), "vsa: there is no node nobody"),
        (("rm", "nobody"), "vsa: there is no node nobody"),
    ],
)
def test_a_refusal_of_the_api_is_one_line(home: Home, words: tuple[str, ...], told: str) -> None:
    said = home.vsa("node", *words)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(told)
    assert said.err.count("\n") == 1
