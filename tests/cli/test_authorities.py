from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.cli.person import Home
from tests.parts.tls import Authority, Server, serve

PRIVATE = Authority.create("Corp Root")


@pytest.fixture(scope="module")
def inside() -> Iterator[Server]:
    """A TLS server whose certificate a private PKI issued."""
    with serve(PRIVATE.issue(["localhost"])) as server:
        yield server


@pytest.fixture
def root(tmp_path: Path) -> str:
    return str(PRIVATE.bundle_path(tmp_path))


@contextmanager
def watching(home: Home, port: int) -> Iterator[str]:
    added = home.rest("POST", "/domains", {"name": "localhost", "port": port}).json()
    yield f"localhost:{port}"
    home.rest("DELETE", f"/domains/{added['id']}")


def test_a_root_is_trusted_listed_and_forgotten(home: Home, inside: Server, root: str) -> None:
    with watching(home, inside.port) as domain:
        added = home.vsa("authority", "add", "corp", root, "--domain", domain)
        assert added.code == 0, added.err
        assert "corp is trusted for localhost: CN=Corp Root" in added.err
        listed = home.vsa("authority", "list")
        assert all(word in listed.out for word in ("corp", "localhost", "CN=Corp Root"))
    document = home.vsa("authority", "list", "--json").document()
    assert document == {"items": [], "next": None}  # it went with its domain


def test_what_it_issued_is_well_from_then_on(home: Home, inside: Server, root: str) -> None:
    with watching(home, inside.port) as domain:
        assert {"unknown_authority"} == verdicts(home, domain)
        home.vsa("authority", "add", "corp", root, "--domain", domain)
        assert {"ok"} == verdicts(home, domain)
        home.vsa("authority", "rm", "corp")
        assert {"unknown_authority"} == verdicts(home, domain)


def verdicts(home: Home, domain: str) -> set[str]:
    """What is said of each address of a domain that is asked now."""
    shown = home.vsa("domain", "show", domain, "--json").document()
    assert isinstance(shown, dict)
    outcome = home.rest("POST", f"/domains/{shown['id']}/probe").json()
    return {one["verdict"] for one in outcome["domain"]["state"]["endpoints"] if one["verdict"]}


def test_der_is_taken_and_one_for_all_says_so(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "root.der"
    file.write_bytes(PRIVATE.certificate.public_bytes(Encoding.DER))
    added = home.vsa("authority", "add", "corp", str(file))
    listed = home.vsa("authority", "list").out
    removed = home.vsa("authority", "rm", "corp")
    assert (added.code, removed.code) == (0, 0), added.err + removed.err
    assert "every domain" in listed
    assert "No authority is trusted but the system's" in home.vsa("authority", "list").out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no certificate"),
        (b"0 but no DER", "pem: must be certificates"),
        (PRIVATE.issue(["a.test"]).pem(), "CA:TRUE"),
    ],
)
def test_what_is_no_root_is_refused(home: Home, tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    said = home.vsa("authority", "add", "none", str(file))
    assert (said.code, words in said.err) == (2, True), said.err


def test_a_file_that_is_not_there_is_named(home: Home) -> None:
    said = home.vsa("authority", "add", "none", "/nowhere")
    assert (said.code, "FILE: cannot read /nowhere" in said.err) == (2, True)
