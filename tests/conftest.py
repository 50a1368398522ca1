"""What every room's tests may ask for: a real server, a fresh database, a connection to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import settings

from registry.session import Connection, Engine, make_engine
from tests.parts.postgres import Database, Server, embedded_server, migrated_database

# How long an example takes depends on who else is busy here; one that hangs runs into pytest's time-out.
settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with embedded_server() as running:
        yield running


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    with migrated_database(server) as fresh:
        yield fresh


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[Engine]:
    engine = make_engine(database.url, program="test")
    yield engine
    await engine.dispose()


@pytest.fixture
async def tx(engine: Engine) -> AsyncIterator[Connection]:
    """A transaction of the programs' role, undone after the test."""
    async with engine.connect() as connection:
        await connection.begin()
        yield connection
        await connection.rollback()
