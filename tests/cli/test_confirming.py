"""What cannot be undone: a person is asked first, a script is not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.person import Home

KINDS = ("node", "domain", "token")
Things = dict[str, str]


@pytest.fixture
def things(home: Home) -> Iterator[Things]:
    """One of each kind that can be removed."""
    things = {"node": "away", "domain": "nowhere.example", "token": "leaver"}
    node = {"name": "away", "docker_url": "unix:///nowhere", "enabled": False}
    home.rest("POST", "/nodes", node)
    made = home.rest("POST", "/domains", {"name": "nowhere.example", "enabled": False}).json()
    home.rest("POST", "/tokens", {"name": "leaver", "role": "read"})
    yield things
    for path in ("nodes/away", f"domains/{made['id']}", "tokens/leaver"):
        home.rest("DELETE", f"/{path}")


def command(kind: str, things: Things) -> tuple[str, str, str]:
    return kind, "revoke" if kind == "token" else "rm", things[kind]


def is_there(home: Home, kind: str, things: Things) -> bool:
    items = home.rest("GET", f"/{kind}s").json()["items"]
    return things[kind] in {item["name"] for item in items if not item.get("revoked_at")}


@pytest.mark.parametrize("kind", KINDS)
def test_who_says_no_at_a_terminal_keeps_it(home: Home, things: Things, kind: str) -> None:
    code, shown = home.at_a_terminal(*command(kind, things), answer="n")
    assert (code, "nothing was changed" in shown) == (2, True)
    assert is_there(home, kind, things)


@pytest.mark.parametrize("kind", KINDS)
def test_who_says_yes_at_a_terminal_loses_it(home: Home, things: Things, kind: str) -> None:
    code, _ = home.at_a_terminal(*command(kind, things), answer="y")
    assert code == 0
    assert not is_there(home, kind, things)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [(), ("--yes",)], ids=["bare", "yes"])
def test_a_script_is_not_asked(
    home: Home, things: Things, kind: str, options: tuple[str, ...]
) -> None:
    assert home.vsa(*command(kind, things), *options).code == 0
    assert not is_there(home, kind, things)
