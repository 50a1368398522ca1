"""Connections to PostgreSQL: one way to make them, one way to read the database's time."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import make_url, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

# The other rooms name these from here: SQLAlchemy has one door.
Connection = AsyncConnection
Engine = AsyncEngine

# What is raised when PostgreSQL is down, restarting or out of reach.
UNAVAILABLE: tuple[type[Exception], ...] = (
    OperationalError,
    InterfaceError,
    PoolTimeoutError,
    OSError,
)

_CONNECT_SECONDS = 5
_STATEMENT_MILLISECONDS = 30_000


def make_engine(url: str, *, program: str, pool_size: int = 5) -> Engine:
    """Make the pool of connections for `program`; nothing is connected yet."""
    target = make_url(url.replace("postgres://", "postgresql://", 1))
    return create_async_engine(
        target.set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={
            "application_name": f"vsa {program}",
            "connect_timeout": _CONNECT_SECONDS,
            "options": f"-c timezone=UTC -c statement_timeout={_STATEMENT_MILLISECONDS}",
        },
    )


async def database_now(tx: Connection) -> datetime:
    """Read the database's clock: the one place where SQL does."""
    now: datetime = (await tx.execute(text("SELECT clock_timestamp()"))).scalar_one()
    return now.astimezone(UTC)
