"""Every registry test runs on both ends of the bracket: the embedded 18 and Debian's 15."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.parts.postgres import Server, debian_server


@pytest.fixture(scope="session")
def older_server() -> Iterator[Server]:
    with debian_server() as running:
        yield running


@pytest.fixture(scope="session", params=["postgresql18", "postgresql15"])
def server(request: pytest.FixtureRequest, server: Server) -> Server:
    if request.param == "postgresql18":
        return server
    older: Server = request.getfixturevalue("older_server")
    return older
