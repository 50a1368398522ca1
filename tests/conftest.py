"""Fixtures of every room: a PostgreSQL server a session, a fresh migrated database a test."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from psycopg import sql

from registry.migrate import upgrade
from registry.session import Connection, Engine, make_engine
from tests.parts.postgres import Database, Server, debian_server

OWNER, PROGRAM, TEMPLATE = "vsa_owner", "vsa", "vsa_template"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with debian_server() as server:
        prepare(server)
        yield server


def prepare(server: Server) -> None:
    """Make the roles and the migrated template that every test's database is a copy of."""
    for role in (OWNER, PROGRAM):
        server.run("postgres", sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
    server.run("postgres", sql.SQL(f"CREATE DATABASE {TEMPLATE} OWNER {OWNER}"))
    upgrade(server.url(OWNER, TEMPLATE), server.url(PROGRAM, TEMPLATE))


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    name = f"test_{next(_numbers)}"
    copy = sql.SQL(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} OWNER {OWNER}")
    server.run("postgres", copy)
    yield Database(
        name,
        server.url(PROGRAM, name),
        server.url(OWNER, name),
        server.url(server.superuser, name),
    )
    server.run("postgres", sql.SQL(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest_asyncio.fixture
async def engine(database: Database) -> AsyncIterator[Engine]:
    engine = make_engine(database.url, program="test")
    yield engine
    await engine.dispose()


@pytest_asyncio.fixture
async def tx(engine: Engine) -> AsyncIterator[Connection]:
    """A transaction that the test's end undoes."""
    async with engine.connect() as connection:
        await connection.begin()
        yield connection
        await connection.rollback()
