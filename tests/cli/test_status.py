from __future__ import annotations

from tests.cli.person import Home
from tests.cli.test_domains import watching
from tests.parts.tls import Server


def test_what_is_wrong_comes_first_and_makes_the_exit_code_1(home: Home, good: Server) -> None:
    with watching(home, good.port):
        said = home.vsa("status")
    assert said.code == 1
    assert said.out.splitlines()[0] == "Not well: 2 of 3 containers"
    assert "exited 3" in said.out
    assert "unhealthy" in said.out
    assert said.out.index(" sick ") < said.out.index(" web ")
    assert "88 days left, 99%" in said.out


def test_json_holds_what_the_api_has(home: Home) -> None:
    said = home.vsa("status", "--json")
    document = said.document()
    assert isinstance(document, dict)
    assert {item["name"] for item in document["containers"]} == {"web", "sick", "migrate"}
    assert said.err == ""


def test_nothing_is_coloured_in_a_pipe(home: Home) -> None:
    assert "\x1b" not in home.vsa("status").out
