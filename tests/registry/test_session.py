from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import uvloop
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from registry.session import UNAVAILABLE, Connection, Engine, database_now, driver_url, make_engine
from tests.parts.postgres import Database


@pytest.fixture
async def single(database: Database) -> AsyncIterator[Engine]:
    """An engine of one connection, so that a test knows which one it gets."""
    engine = make_engine(database.url, program="test", pool_size=1)
    yield engine
    await engine.dispose()


async def show(engine: Engine, setting: str) -> str:
    async with engine.connect() as connection:
        return str(await connection.scalar(text(f"SHOW {setting}")))


async def process_id(engine: Engine) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(text("SELECT pg_backend_pid()")) or 0)


async def test_the_databases_clock_is_read_as_aware_utc(tx: Connection) -> None:
    now = await database_now(tx)
    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("application_name", "vsa test"),
        ("timezone", "UTC"),
        ("search_path", "public"),
        ("statement_timeout", "30s"),
        ("idle_in_transaction_session_timeout", "5min"),
    ],
)
async def test_a_session_has_our_settings(engine: Engine, setting: str, value: str) -> None:
    assert await show(engine, setting) == value


async def test_the_urls_own_options_are_kept(database: Database) -> None:
    url = f"{database.url}&options=-c%20work_mem%3D5MB"
    engine = make_engine(url, program="test")
    assert await show(engine, "work_mem") == "5MB"
    assert await show(engine, "timezone") == "UTC"
    await engine.dispose()


def test_the_urls_own_time_outs_win() -> None:
    url = driver_url("postgresql://db/vsa?connect_timeout=60", "test", {})
    assert url.query["connect_timeout"] == "60"
    assert url.query["keepalives_count"] == "3"


async def test_the_short_scheme_is_accepted(database: Database) -> None:
    url = database.url.replace("postgresql://", "postgres://")
    engine = make_engine(url, program="test")
    assert await show(engine, "timezone") == "UTC"
    await engine.dispose()


async def test_json_comes_back_as_it_went(tx: Connection) -> None:
    value = {"name": "zoë", "list": [1, 2.5, None, True], "nested": {"empty": {}}}
    query = text("SELECT :value AS value").bindparams(bindparam("value", value, JSONB))
    assert await tx.scalar(query.columns(value=JSONB)) == value


def test_it_works_on_uvloop(database: Database) -> None:
    async def ask() -> str:
        engine = make_engine(database.url, program="test")
        answer = await show(engine, "timezone")
        await engine.dispose()
        return answer

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(ask()) == "UTC"


# ---------------------------------------------------------------------------- when the server goes


async def test_an_idle_connection_is_used_again(single: Engine) -> None:
    assert await process_id(single) == await process_id(single)


async def test_an_idle_connection_that_died_is_replaced_unnoticed(
    single: Engine, database: Database
) -> None:
    first = await process_id(single)
    with psycopg.connect(database.superuser_url) as superuser:
        superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
    assert await process_id(single) != first


async def test_a_connection_that_dies_at_work_is_unavailable_then_replaced(
    single: Engine, database: Database
) -> None:
    async with single.connect() as connection:
        pid = await connection.scalar(text("SELECT pg_backend_pid()"))
        with psycopg.connect(database.superuser_url) as superuser:
            superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        with pytest.raises(UNAVAILABLE):
            await connection.execute(text("SELECT 1"))
    assert await process_id(single) != pid


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    engine = make_engine("postgresql://vsa:hunter2@127.0.0.1:1/vsa", program="test")
    with pytest.raises(UNAVAILABLE) as caught:
        await process_id(engine)
    assert "hunter2" not in f"{caught.value!r} {caught.value} {engine!r} {engine.url}"
