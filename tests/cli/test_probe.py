from __future__ import annotations

import os
import pty
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.person import VSA, Person
from tests.parts.ports import free_port
from tests.parts.tls import Authority, Server, rsa_key, serve


def test_a_good_endpoint_is_shown_with_chain_and_share_of_life(
    person: Person, good: Server
) -> None:
    said = person.vsa("probe", f"localhost:{good.port}")
    assert said.code == 0, said.err
    for part in ("ok", "88 days left, 99%", "CN=localhost", "Chain as sent"):
        assert part in said.out


@pytest.mark.parametrize(
    ("which", "told"), [("expired", "ended 10 days ago"), ("due", "renewal is due")]
)
def test_a_certificate_that_needs_renewal_is_not_well(
    person: Person, request: pytest.FixtureRequest, which: str, told: str
) -> None:
    server: Server = request.getfixturevalue(which)
    said = person.vsa("probe", f"localhost:{server.port}")
    assert said.code == 1
    assert told in said.out


def test_each_fault_is_told_with_its_code(person: Person, authority: Authority) -> None:
    ended = datetime.now(UTC) - timedelta(hours=1)
    identity = authority.issue(["elsewhere.test"], key=rsa_key(1024), not_after=ended)
    with serve(identity) as server:
        said = person.vsa("probe", f"localhost:{server.port}")
    assert said.code == 1
    for told in (
        "(expired, X.509 error 10)",
        "(hostname_mismatch, X.509 error 62)",
        "(weak, X.509 error 66)",
    ):
        assert told in said.out


def test_the_chain_is_shown_as_sent_with_who_is_missing_above(
    person: Person, authority: Authority
) -> None:
    with serve(authority.intermediate().issue(["localhost"])) as server:
        said = person.vsa("probe", f"localhost:{server.port}")
    assert "CN=Test Intermediate\n  issued by CN=Test Root, which was not sent" in said.out
    assert "verified, ends " in said.out
    assert "nothing stapled" in said.out


def test_one_address_can_be_asked_for_a_name_that_leads_elsewhere(
    person: Person, authority: Authority
) -> None:
    with serve(authority.issue(["moved.invalid"]), address="127.0.0.3") as server:
        said = person.vsa("probe", f"moved.invalid:{server.port}", "--address", "127.0.0.3")
    assert said.code == 0, said.out + said.err
    assert f"moved.invalid port {server.port}, 1 address" in said.out


def test_a_private_authority_can_be_trusted_for_once(person: Person, tmp_path: Path) -> None:
    private = Authority.create("Private Root")
    with serve(private.issue(["localhost"])) as server:
        arguments = ("probe", f"localhost:{server.port}")
        distrusted = person.vsa(*arguments)
        trusted = person.vsa(*arguments, "--ca", str(private.bundle_path(tmp_path)))
    assert (distrusted.code, trusted.code) == (1, 0)
    assert "unknown authority" in distrusted.out


def test_a_name_is_shown_as_people_write_it(person: Person, authority: Authority) -> None:
    with serve(authority.issue(["xn--bcher-kva.invalid"])) as server:
        said = person.vsa("probe", f"Bücher.invalid:{server.port}", "--address", server.address)
    assert said.code == 0, said.out + said.err
    assert said.out.startswith("bücher.invalid port")


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--address", "example.com", "address: must be an IP address, not 'example.com'"),
        ("--ca", "/dev/null", "--ca: /dev/null must be certificates as PEM"),
        ("--ca", "/nowhere.pem", "--ca: cannot read /nowhere.pem: No such file or directory"),
    ],
)
def test_bad_options_say_why(person: Person, option: str, value: str, told: str) -> None:
    said = person.vsa("probe", "localhost", option, value)
    assert said.code == 2
    assert told in said.err


def test_another_name_can_be_asked_for(person: Person, good: Server) -> None:
    said = person.vsa("probe", f"127.0.0.1:{good.port}", "--server-name", "elsewhere.test")
    assert said.code == 1
    assert "hostname mismatch" in said.out


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("127.0.0.1:{free}", "refused"),
        ("nowhere.invalid", "nowhere.invalid"),
        ("169.254.169.254", "link-local"),
    ],
)
def test_what_cannot_be_reached_exits_with_3(person: Person, host: str, told: str) -> None:
    said = person.vsa("probe", host.format(free=free_port()), "--timeout", "5s")
    assert said.code == 3
    assert told in said.out + said.err


def test_json_holds_the_facts_and_nothing_else(person: Person, good: Server) -> None:
    said = person.vsa("probe", f"127.0.0.1:{good.port}", "--json")
    document = said.document()
    assert isinstance(document, dict)
    assert document["endpoints"][0]["facts"]["verdict"] == "ok"
    assert said.err == ""


def test_a_trust_bundle_without_certificates_is_a_bad_setting(
    person: Person, good: Server, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    said = person.vsa("probe", f"localhost:{good.port}", VSA_TRUST_BUNDLE=str(empty))
    assert said.code == 2
    assert said.err.startswith("vsa: VSA_TRUST_BUNDLE: ")


def on_a_terminal(person: Person, *arguments: str, **settings: str) -> str:
    """Run a command whose stdout is a terminal, and return what it wrote there."""
    ours, theirs = pty.openpty()
    environment = {**person.environment, **settings}
    done = subprocess.run([*VSA, *arguments], env=environment, stdout=theirs, check=False)
    os.close(theirs)
    written = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert done.returncode in {0, 1}
    return written


def test_colour_is_for_terminals_alone(person: Person, expired: Server) -> None:
    arguments = ("probe", f"localhost:{expired.port}")
    assert "\x1b[31mexpired" in on_a_terminal(person, *arguments)
    assert "\x1b[31m" not in on_a_terminal(person, *arguments, NO_COLOR="1")
    assert "\x1b" not in person.vsa(*arguments).out
