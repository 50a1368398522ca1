"""Brings the tables to a revision, as their owner, and gives each role what it needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC
from importlib.util import find_spec
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from registry.revisions import TooNewError, demand_fit, known_revisions, read_schema
from registry.session import driver_url

# "vsa" in ASCII: one lock for every starter of this product in the database.
STARTERS_LOCK = 0x767361
# A migration holds its locks for seconds or fails, rather than stopping every scrape behind it.
_SESSION = {
    "search_path": "public",
    "timezone": "UTC",
    "lock_timeout": "10s",
    "statement_timeout": "60s",
}

# Nothing of ours is everybody's, whatever the cluster's defaults were when it was made; a restored
# backup brings no privileges, and so its functions would be.
_CLOSE = """
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
    REVOKE EXECUTE ON FUNCTION
        vsa_create_partitions, vsa_drop_partitions, vsa_refuse_change FROM PUBLIC;
"""
# What the exporter's pages show: no credential, no token, nothing of the trail but its head.
_SHOWN = (
    *("vps_nodes", "domains", "schedule", "collectors", "node_state", "container_snapshots"),
    *("event_counters", "node_gaps", "node_samples", "domain_state", "certificates", "endpoints"),
    *("served_certificates", "certificate_changes", "known_certificates"),
)
# What programs read and write; an earlier revision has some of them.
_TABLES = (*_SHOWN, "authorities", "credentials", "events", "tokens")
_PRESENT = """
    SELECT string_agg(name, ', ') FROM unnest(CAST(:names AS text[])) AS name
    WHERE to_regclass('public.' || name) IS NOT NULL
"""
# Exactly this and no more: what a former version granted is taken back first.
_GRANT = """
    REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role};
    GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {role};
    GRANT USAGE ON SCHEMA public TO {role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO {role};
    GRANT SELECT, INSERT ON audit_logs TO {role};
    GRANT SELECT, UPDATE ON audit_head TO {role};
    GRANT SELECT ON alembic_version TO {role};
    GRANT EXECUTE ON FUNCTION vsa_create_partitions, vsa_drop_partitions TO {role};
"""
# The questions over time, which only those may ask whom they are granted to.
_GRANT_QUESTIONS = """
    REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA dashboard FROM PUBLIC;
    GRANT USAGE ON SCHEMA dashboard TO {role};
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA dashboard TO {role};
"""
# The exporter's role, where the database has one; else it uses the programs'.
_EXPORTER_ROLE = "vsa_exporter"
_GRANT_EXPORTER = """
    REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role};
    GRANT CONNECT ON DATABASE {database} TO {role};
    GRANT USAGE ON SCHEMA public TO {role};
    GRANT SELECT ON {tables}, audit_head, alembic_version TO {role};
"""
# Until when our client certificates are good; what is sealed stays closed.
_GRANT_CREDENTIAL_FACTS = "GRANT SELECT (id, facts) ON credentials TO {role}"
# Grafana's role, where the database has one: whoever may edit a panel may send any SQL as it.
_DASHBOARD_ROLE = "vsa_grafana"
_GRANT_DASHBOARD = """
    REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role};
    GRANT CONNECT ON DATABASE {database} TO {role};
    GRANT SELECT ON ALL TABLES IN SCHEMA dashboard TO {role};
"""


class MigrationError(Exception):
    """The database cannot be brought to the revision; the message says why and holds no password."""


def upgrade(owner_url: str, program_url: str, revision: str = "head") -> str:
    """Upgrade to `revision`, make the coming days' partitions, grant `program_url`'s role its rights.

    Safe with several starting at once: the second waits, then finds nothing to do. Tables that are
    ahead of this code, and on which it runs, are left alone, grants too: the warning is returned.
    Raises MigrationError, or one of session.UNAVAILABLE when there is no connection.
    """
    with _locked(owner_url) as connection:
        if warning := demand_fit(read_schema(connection)):
            return warning
        command.upgrade(_config(connection), revision)
        _tell_older_code(connection)
        now = connection.execute(text("SELECT clock_timestamp()")).scalar_one().astimezone(UTC)
        connection.execute(text("SELECT vsa_create_partitions(:day, 8)"), {"day": now.date()})
        connection.execute(text(_CLOSE))
        _grant(connection, make_url(program_url).username)
        _grant_exporter(connection)
        _grant_dashboard(connection)
        connection.commit()
    return ""


def downgrade(owner_url: str, revision: str) -> None:
    """Go back to `revision`; `base` removes every table and all that they hold."""
    with _locked(owner_url) as connection:
        command.downgrade(_config(connection), revision)
        _tell_older_code(connection)
        connection.commit()


def oldest_code(revision: str) -> str:
    """Return the oldest revision whose code runs on the tables as they are at `revision`.

    Each migration names the oldest that runs on what it makes; the strictest of them all holds.
    """
    scripts = ScriptDirectory.from_config(_config(None))
    names = [known for known in known_revisions() if known <= revision]
    return max(str(scripts.get_revision(name).module.oldest_code) for name in names)


def _tell_older_code(connection: Connection) -> None:
    """Leave word for code that does not know these tables' revision whether it may run on them."""
    revision = read_schema(connection).revision
    if revision is not None:  # at base there is nothing to run on
        word = oldest_code(revision)
        connection.execute(text(f"COMMENT ON TABLE alembic_version IS '{word}'"))


def _grant(connection: Connection, role: str | None) -> None:
    """Grant `role` its rights, unless it is the owner and so has them all."""
    if role is None or role == connection.scalar(text("SELECT current_user")):
        return
    if not _is_role(connection, role):
        raise MigrationError(f"the role {role} of VSA_DATABASE_URL does not exist in PostgreSQL")
    _run_for(connection, _GRANT, role, tables=_present(connection, _TABLES))
    if _has_views(connection):
        _run_for(connection, _GRANT_QUESTIONS, role)


def _grant_exporter(connection: Connection) -> None:
    """Let the exporter's role read what its pages show; a database need not have that role."""
    if _is_role(connection, _EXPORTER_ROLE):
        tables = _present(connection, _SHOWN)
        _run_for(connection, _GRANT_EXPORTER, _EXPORTER_ROLE, tables=tables)
        if _present(connection, ["credentials"]):
            _run_for(connection, _GRANT_CREDENTIAL_FACTS, _EXPORTER_ROLE)


def _grant_dashboard(connection: Connection) -> None:
    """Open the views to Grafana's role; a database without one, or without the views, has none."""
    if _has_views(connection) and _is_role(connection, _DASHBOARD_ROLE):
        _run_for(connection, _GRANT_DASHBOARD + _GRANT_QUESTIONS, _DASHBOARD_ROLE)


def _present(connection: Connection, names: Sequence[str]) -> str | None:
    present: str | None = connection.scalar(text(_PRESENT), {"names": list(names)})
    return present


def _has_views(connection: Connection) -> bool:
    return connection.scalar(text("SELECT to_regnamespace('dashboard')")) is not None


def _is_role(connection: Connection, role: str) -> bool:
    statement = text("SELECT 1 FROM pg_roles WHERE rolname = :role")
    return connection.scalar(statement, {"role": role}) is not None


def _run_for(connection: Connection, grants: str, role: str, **names: str | None) -> None:
    quote = connection.dialect.identifier_preparer.quote
    database = connection.scalar(text("SELECT current_database()"))
    statements = grants.format(role=quote(role), database=quote(database), **names)
    connection.execute(text(statements))


@contextmanager
def _locked(url: str) -> Iterator[Connection]:
    """Connect as the owner and hold the one lock of all starters until the connection closes."""
    engine = create_engine(driver_url(url, "migration", _SESSION), poolclass=NullPool)
    with engine.connect() as connection:
        # Waiting for the other starter is no lock trouble: the time-outs begin after it.
        connection.execute(text("SET lock_timeout = 0; SET statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": STARTERS_LOCK})
        connection.execute(text("RESET lock_timeout; RESET statement_timeout"))
        connection.commit()
        try:
            yield connection
        except DBAPIError as error:
            raise MigrationError(f"PostgreSQL refused: {error.orig}") from None
        except (CommandError, TooNewError) as error:
            raise MigrationError(str(error)) from None


def _config(connection: Connection | None) -> Config:
    package = find_spec("migrations")
    if package is None or not package.submodule_search_locations:
        raise MigrationError("the package migrations is not installed")
    config = Config()
    config.set_main_option("script_location", str(Path(package.submodule_search_locations[0])))
    config.attributes["connection"] = connection
    return config
