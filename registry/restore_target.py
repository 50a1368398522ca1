"""The database that a backup is to be restored into, as it is before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from registry.session import driver_url

_SESSION = {"search_path": "public", "timezone": "UTC", "statement_timeout": "30s"}
_PROGRAMS = text("""
    SELECT application_name, count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'vsa %' AND pid <> pg_backend_pid()
    GROUP BY 1 ORDER BY 1
""")
_COUNTED = {
    "vps_nodes": "node",
    "domains": "domain",
    "tokens": "token",
    "audit_logs": "audit record",
}

_TABLES = """
    SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""


class RestoreError(Exception):
    """This cannot be restored; the message says why. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Target:
    """The database as it is before."""

    name: str
    server_major: int
    now: datetime
    programs: dict[str, int]
    holds: dict[str, int]


def look_at(url: str) -> Target:
    """Read what stands in the way of a restore into the database of `url`."""
    engine = create_engine(driver_url(url, "restore", _SESSION), poolclass=NullPool)
    with engine.connect() as connection:
        return _look(connection)


def _look(connection: Connection) -> Target:
    about = text(
        "SELECT current_database(), current_setting('server_version_num'), clock_timestamp()"
    )
    name, version, now = connection.execute(about).one()
    found = {row[0]: row[1] for row in connection.execute(_PROGRAMS)}
    tables = set(connection.scalars(text(_TABLES)))
    try:
        counted = {
            noun: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608
            for table, noun in _COUNTED.items()
            if table in tables
        }
    except DBAPIError as error:
        reason = str(error.orig).partition("\n")[0]
        raise RestoreError(
            f"{reason}; a backup is restored as the owner of VSA_MIGRATION_DATABASE_URL"
        ) from None
    holds = {noun: number for noun, number in counted.items() if number}
    return Target(name, int(version) // 10000, now.astimezone(UTC), found, holds)
