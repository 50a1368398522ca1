from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.person import Home
from tests.parts.tls import Authority, Identity

NAME = "www.example.org"
ISSUING = Authority.create("Upload Root").intermediate()
OLD, NEW = ISSUING.issue([NAME]), ISSUING.issue([NAME])


@pytest.fixture
def full_chain(home: Home, tmp_path: Path) -> Iterator[Path]:
    """A file as HAProxy has it, with the key in front; what was uploaded of it is forgotten."""
    file = tmp_path / "fullchain.pem"
    file.write_bytes(OLD.pem())
    yield file
    home.rest("DELETE", f"/known-certificates/{NAME}")


def chain(identity: Identity) -> str:
    return identity.pem().decode().partition("-----END PRIVATE KEY-----\n")[2]


def test_an_upload_is_shown_with_where_it_is_from(home: Home, full_chain: Path) -> None:
    added = home.vsa("certificate", "add", NAME, str(full_chain))
    assert added.code == 0, added.err
    assert f"{NAME} is known: CN={NAME}, valid until" in added.err
    for which in (NAME, OLD.fingerprint, OLD.fingerprint[:16].upper()):
        shown = home.vsa("certificate", "show", which)
        assert shown.code == 0, shown.err
        assert all(word in shown.out for word in (OLD.fingerprint, "known from", f"upload {NAME}"))
    assert home.vsa("certificate", "show", NAME, "--pem").out == chain(OLD)
    listed = home.vsa("certificate", "list").out
    assert all(word in listed for word in (f"CN={NAME}", f"upload {NAME}", OLD.fingerprint[:16]))


def test_the_key_beside_it_stays_where_it_is(home: Home, full_chain: Path) -> None:
    assert b"PRIVATE KEY" in full_chain.read_bytes()
    home.vsa("certificate", "add", NAME, str(full_chain))
    assert "PRIVATE KEY" not in home.vsa("certificate", "show", NAME, "--json").out


def test_the_renewed_one_takes_its_place_and_is_forgotten_at_last(
    home: Home, full_chain: Path
) -> None:
    home.vsa("certificate", "add", NAME, str(full_chain))
    full_chain.write_bytes(NEW.pem())
    again = home.vsa("certificate", "add", NAME, str(full_chain), "--json").document()
    assert isinstance(again, dict)
    assert (again["place"], again["fingerprint"]) == (NAME, NEW.fingerprint)
    assert home.vsa("certificate", "rm", NAME).code == 0
    gone = home.vsa("certificate", "show", NAME)
    assert (gone.code, f"no certificate {NAME} is known" in gone.err) == (2, True)
    assert "nowhere now" in home.vsa("certificate", "list").out
    assert home.vsa("certificate", "rm", NAME).code == 2
