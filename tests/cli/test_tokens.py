from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.person import Home


@pytest.fixture
def reader(home: Home) -> Iterator[str]:
    """The secret of a token that may read."""
    yield home.vsa("token", "create", "reader", "--role", "read").out.strip()
    home.vsa("token", "revoke", "reader")


def test_a_new_token_alone_is_on_stdout(home: Home) -> None:
    said = home.vsa("token", "create", "once", "--role", "admin")
    home.vsa("token", "revoke", "once")
    assert said.out.startswith("vsa_")
    assert said.out.count("\n") == 1
    assert "only time" in said.err


def test_a_reader_reads_and_may_not_write(home: Home, reader: str) -> None:
    assert home.vsa("node", "list", VSA_API_TOKEN=reader).code == 0
    said = home.vsa("node", "add", "n", "unix:///x", VSA_API_TOKEN=reader)
    assert said.code == 2
    assert "needs the role write" in said.err


def test_a_revoked_token_is_refused(home: Home) -> None:
    secret = home.vsa("token", "create", "leaver", "--role", "write").out.strip()
    assert home.vsa("token", "revoke", "leaver").code == 0
    said = home.vsa("node", "list", VSA_API_TOKEN=secret)
    assert said.code == 2
    assert "does not know VSA_API_TOKEN" in said.err
    assert "revoked" in home.vsa("token", "list").out


def test_the_list_holds_no_secret(home: Home, reader: str) -> None:
    said = home.vsa("token", "list", "--json")
    assert reader not in said.out
    document = said.document()
    assert isinstance(document, dict)
    assert {"first", "reader"} <= {token["name"] for token in document["items"]}
