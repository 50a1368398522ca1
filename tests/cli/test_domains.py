from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.cli.person import Home
from tests.parts.ports import free_port
from tests.parts.tls import Authority, Server


@contextmanager
def watching(home: Home, port: int) -> Iterator[str]:
    """A domain of this port that was looked at."""
    added = home.rest("POST", "/domains", {"name": "localhost", "port": port}).json()
    home.rest("POST", f"/domains/{added['id']}/probe")
    yield f"localhost:{port}"
    home.rest("DELETE", f"/domains/{added['id']}")


@pytest.fixture
def watched(home: Home, good: Server) -> Iterator[str]:
    """A watched domain whose certificate is good."""
    with watching(home, good.port) as name:
        yield name


def test_a_new_domain_shows_its_certificate(home: Home, good: Server) -> None:
    said = home.vsa("domain", "add", f"127.0.0.1:{good.port}")
    removed = home.vsa("domain", "rm", f"127.0.0.1:{good.port}")
    assert (said.code, removed.code) == (0, 0), said.err
    for part in ("ok", "88 days left, 99%", "CN=localhost", "ECDSA 256"):
        assert part in said.out


def test_a_new_domain_with_a_bad_certificate_is_added_with_what_is_wrong(
    home: Home, expired: Server
) -> None:
    said = home.vsa("domain", "add", f"localhost:{expired.port}", "--label", "team=web")
    home.vsa("domain", "rm", f"localhost:{expired.port}")
    assert said.code == 0
    for part in ("expired", "ended 10 days ago", "Wrong", "team=web"):
        assert part in said.out


def test_adding_a_bad_domain_warns_of_it_whoever_reads(home: Home, expired: Server) -> None:
    name = f"localhost:{expired.port}"
    said = home.vsa("domain", "add", name, "--json")
    home.vsa("domain", "rm", name)
    assert isinstance(said.document(), dict)
    assert f"{name} is not well: expired at 127.0.0.1" in said.err


def test_a_good_domain_is_checked_without_a_warning(home: Home, watched: str) -> None:
    said = home.vsa("domain", "check", watched)
    assert said.code == 0, said.err
    assert "88 days left" in said.out
    assert "not well" not in said.err


def test_checking_a_bad_domain_tells_scripts_by_its_exit_code(
    home: Home, due: Server, expired: Server
) -> None:
    for server, told in ((due, "renewal is due at 127.0.0.1"), (expired, "expired at 127.0.0.1")):
        with watching(home, server.port) as name:
            said = home.vsa("domain", "check", name)
        assert said.code == 1
        assert told in said.err


def test_checking_a_domain_that_does_not_answer_exits_with_3(home: Home) -> None:
    with watching(home, free_port()) as name:
        said = home.vsa("domain", "check", name, "--json")
    document = said.document()
    assert isinstance(document, dict)
    assert document["failure"]["reason"] == "refused"
    assert said.code == 3


def test_the_list_shows_what_is_wrong_first(home: Home, watched: str, expired: Server) -> None:
    with watching(home, expired.port) as bad:
        said = home.vsa("domain", "list")
    assert said.out.index(bad) < said.out.index(watched)


def test_a_domain_is_found_by_name_and_by_number(home: Home, watched: str) -> None:
    by_name = home.vsa("domain", "show", watched, "--json").document()
    assert isinstance(by_name, dict)
    by_number = home.vsa("domain", "show", str(by_name["id"]), "--json").document()
    assert by_name == by_number


def test_a_name_that_is_several_asks_which(home: Home, watched: str, due: Server) -> None:
    with watching(home, due.port) as other:
        said = home.vsa("domain", "show", "LOCALHOST")
    assert said.code == 2
    assert watched in said.err
    assert other in said.err


def test_only_what_is_given_changes(home: Home, watched: str) -> None:
    change = ("domain", "set", watched, "--json")
    home.vsa(*change, "--label", "team=web", "--interval", "10m")
    changed = home.vsa(*change, "--server-name", "127.0.0.1", "--interval", "default").document()
    assert isinstance(changed, dict)
    assert changed["labels"] == {"team": "web"}
    assert (changed["interval"], changed["server_name"]) == (None, "127.0.0.1")


def test_the_list_as_json_is_the_api_s(home: Home, watched: str) -> None:
    listing = home.vsa("domain", "list", "--json").document()
    assert isinstance(listing, dict)
    assert [f"{item['name']}:{item['port']}" for item in listing["items"]] == [watched]


def test_a_domain_that_is_not_watched_is_named(home: Home) -> None:
    said = home.vsa("domain", "rm", "nowhere.example")
    assert said.code == 2
    assert "no domain nowhere.example is watched" in said.err


def test_a_domain_twice_is_refused(home: Home, watched: str) -> None:
    said = home.vsa("domain", "add", watched)
    assert said.code == 2
    assert "is watched already" in said.err


def test_a_domain_whose_renewal_was_not_loaded_is_not_well(
    home: Home, watched: str, authority: Authority
) -> None:
    renewed = authority.issue(["localhost"], not_before=datetime.now(UTC)).certificate
    pem = renewed.public_bytes(Encoding.PEM).decode()
    home.rest("POST", "/certificates", {"name": "renewed", "pem": pem})
    said = home.vsa("domain", "check", watched)
    home.rest("DELETE", "/known-certificates/renewed")
    assert said.code == 1
    assert "is known from renewed (upload): the server has to load it" in said.out
    assert f"{watched} is not well: renewed, not loaded at 127.0.0.1" in said.err
