"""Brings the tables to a revision, as their owner, and gives the programs' role what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.pool import NullPool

# "vsa" in ASCII: one lock for every starter of this product in the database.
_LOCK = 0x767361
# A migration holds its locks for seconds or fails, rather than stopping every scrape behind it.
_TIMEOUTS = "-c timezone=UTC -c lock_timeout=10s -c statement_timeout=60s"

_WORKING_TABLES = """
    vps_nodes, domains, schedule, collectors, node_state, container_snapshots, events,
    event_counters, node_gaps, node_samples, domain_state, certificates, endpoints, tokens
"""
_GRANTS = f"""
    REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {{role}};
    GRANT USAGE ON SCHEMA public TO {{role}};
    GRANT SELECT, INSERT, UPDATE, DELETE ON {_WORKING_TABLES} TO {{role}};
    GRANT SELECT, INSERT ON audit_logs TO {{role}};
    GRANT SELECT, UPDATE ON audit_head TO {{role}};
    GRANT SELECT ON alembic_version TO {{role}};
    GRANT EXECUTE ON FUNCTION vsa_create_partitions, vsa_drop_partitions TO {{role}};
"""


class MigrationError(Exception):
    """The database cannot be brought to the revision; the message says why and holds no password."""


def upgrade(owner_url: str, program_url: str, revision: str = "head") -> None:
    """Upgrade to `revision`, make today's partitions, grant the role of `program_url` its rights.

    Safe with several starting at once: the second waits, then finds nothing to do.
    """
    with _locked(owner_url) as connection:
        command.upgrade(_config(connection), revision)
        connection.execute(
            text("SELECT vsa_create_partitions((clock_timestamp() AT TIME ZONE 'UTC')::date, 8)")
        )
        role = make_url(program_url).username
        if role and role != connection.scalar(text("SELECT current_user")):
            _grant(connection, role)
        connection.commit()


def downgrade(owner_url: str, revision: str) -> None:
    """Go back to `revision`; `base` removes every table and all that they hold."""
    with _locked(owner_url) as connection:
        command.downgrade(_config(connection), revision)
        connection.commit()


def pending(url: str) -> bool:
    """Say whether the database lacks migrations that this version has."""
    engine = create_engine(_psycopg(url), poolclass=NullPool)
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_heads()
    return set(current) != set(ScriptDirectory.from_config(_config(None)).get_heads())


def _grant(connection: Connection, role: str) -> None:
    known = connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role})
    if not known:
        raise MigrationError(f"the role {role} of VSA_DATABASE_URL does not exist in PostgreSQL")
    quoted = connection.dialect.identifier_preparer.quote(role)
    connection.execute(text(_GRANTS.format(role=quoted)))


@contextmanager
def _locked(url: str) -> Iterator[Connection]:
    """Connect as the owner and hold the one lock of all starters, for the whole session."""
    engine = create_engine(
        _psycopg(url),
        poolclass=NullPool,
        connect_args={"application_name": "vsa migration", "options": _TIMEOUTS},
    )
    with engine.connect() as connection:
        # Waiting for the other starter is no lock trouble: the time-outs begin after it.
        connection.execute(text("SET lock_timeout = 0; SET statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        connection.execute(text("RESET lock_timeout; RESET statement_timeout"))
        connection.commit()
        yield connection


def _config(connection: Connection | None) -> Config:
    package = find_spec("migrations")
    if package is None or not package.submodule_search_locations:
        raise MigrationError("the package migrations is not installed")
    config = Config()
    config.set_main_option("script_location", str(Path(package.submodule_search_locations[0])))
    config.attributes["connection"] = connection
    return config


def _psycopg(url: str) -> str:
    target = make_url(url.replace("postgres://", "postgresql://", 1))
    return target.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
