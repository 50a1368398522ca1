from __future__ import annotations

import asyncio

import httpx
import psycopg
import pytest

from registry.migrate import downgrade
from tests.parts.postgres import Database


def shut(database: Database) -> None:
    """Make the database refuse every connection, as one that is down does."""
    url = database.superuser_url.replace(database.name, "postgres")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS false")
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
            (database.name,),
        )


def reopen(database: Database) -> None:
    url = database.superuser_url.replace(database.name, "postgres")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS true")


@pytest.mark.parametrize(("path", "status"), [("healthz", "alive"), ("readyz", "ready")])
async def test_a_program_that_is_well_says_so_without_a_token(
    stranger: httpx.AsyncClient, path: str, status: str
) -> None:
    answer = await stranger.get(f"/api/{path}")
    assert (answer.status_code, answer.json()) == (200, {"status": status})


async def test_a_database_that_lacks_migrations_is_not_ready(
    database: Database, stranger: httpx.AsyncClient
) -> None:
    await asyncio.to_thread(downgrade, database.owner_url, "base")
    answer = await stranger.get("/api/readyz")
    assert answer.status_code == 503
    assert "vsa db upgrade" in answer.json()["detail"]


async def test_a_database_that_is_away_costs_answers_until_it_is_back(
    database: Database, stranger: httpx.AsyncClient, writer: httpx.AsyncClient
) -> None:
    node = {"name": "web-1", "docker_url": "unix:///run/docker.sock"}
    assert (await stranger.get("/api/readyz")).status_code == 200
    shut(database)
    for answer in (
        await stranger.get("/api/readyz"),
        await writer.get("/api/nodes"),
        await writer.post("/api/nodes", json=node),
    ):
        assert answer.status_code == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["Retry-After"]
        assert database.name not in answer.text
    assert (await stranger.get("/api/healthz")).status_code == 200
    reopen(database)
    assert (await stranger.get("/api/readyz")).status_code == 200
    assert (await writer.post("/api/nodes", json=node)).status_code == 201
