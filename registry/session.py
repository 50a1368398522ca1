"""Connections to PostgreSQL: one way to make them, one way to read the database's time."""

from __future__ import annotations

import select
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

import msgspec
import psycopg
from sqlalchemy import URL, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

# The other rooms name these from here: SQLAlchemy has one door.
Connection = AsyncConnection
Engine = AsyncEngine

# What is raised when PostgreSQL is down, restarting or out of reach; raw COPY raises psycopg's own.
UNAVAILABLE: tuple[type[Exception], ...] = (
    OperationalError,
    InterfaceError,
    PoolTimeoutError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    OSError,
)

# A session of ours reads no other schema, keeps UTC, and frees what a hung program holds.
_SESSION = {
    "search_path": "public",
    "timezone": "UTC",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "5min",
}
# A peer that vanished without a word is noticed within half a minute; the URL may say otherwise.
_CONNECT = {
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}


def make_engine(url: str, *, program: str, pool_size: int = 5) -> Engine:
    """Make the pool of connections for `program`; nothing is connected yet."""
    engine = create_async_engine(
        driver_url(url, program, _SESSION),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        use_native_hstore=False,
        json_serializer=_encode,
        json_deserializer=msgspec.json.decode,
    )
    event.listen(engine.sync_engine, "checkout", _refuse_the_dead)
    return engine


async def database_now(tx: Connection) -> datetime:
    """Read the database's clock: the one place where SQL does."""
    now: datetime = (await tx.execute(text("SELECT clock_timestamp()"))).scalar_one()
    return now.astimezone(UTC)


async def may_work(tx: Connection, right: Literal["SELECT", "UPDATE"] = "UPDATE") -> bool:
    """Say whether the tables are there and this role may use them: grants come after migrations."""
    granted = text("SELECT coalesce(has_table_privilege(to_regclass('schedule'), :right), false)")
    answer: bool = (await tx.execute(granted, {"right": right})).scalar_one()
    return answer


def driver_url(url: str, program: str, settings: Mapping[str, str]) -> URL:
    """Turn a URL as people write it into SQLAlchemy's, with PostgreSQL settings for the session."""
    target = make_url(url).set(drivername="postgresql+psycopg")
    options = [f"-c {name}={value}" for name, value in settings.items()]
    options += target.normalized_query.get("options", ())
    ours = {"application_name": f"vsa {program}", "options": " ".join(options)}
    return target.set(query={**_CONNECT, **target.query, **ours})


def _encode(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _refuse_the_dead(
    _dbapi: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    """Refuse an idle connection whose server went away, and with it all of its age.

    A server that stops says so or closes its end: the socket is readable, which costs microseconds to
    see; a `select 1` before each transaction would cost a round trip.
    """
    connection = entry.driver_connection
    if connection is None or connection.closed or _has_news(connection.fileno()):
        raise InvalidatePoolError


def _has_news(socket: int) -> bool:
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return bool(poll.poll(0))
