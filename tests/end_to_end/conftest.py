"""The whole product around real engines and real TLS servers, made once for a module's tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.house import House
from tests.parts.postgres import Database, Server, migrated_database
from tests.parts.tls import Authority


@pytest.fixture(scope="module")
def own_database(server: Server) -> Iterator[Database]:
    with migrated_database(server) as database:
        yield database


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create("End-to-End Root")


@pytest.fixture(scope="module")
def house(
    own_database: Database, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """API, collector and exporter at work, trusting the tests' own authority."""
    folder = tmp_path_factory.mktemp("house")
    settings = {"VSA_TRUST_BUNDLE": str(authority.bundle_path(folder))}
    with running(own_database, settings, folder) as house:
        house.start("api", "collector", "exporter")
        yield house


@contextmanager
def running(database: Database, settings: dict[str, str], folder: Path) -> Iterator[House]:
    house = House(database, settings, folder)
    try:
        yield house
    finally:
        house.stop()
