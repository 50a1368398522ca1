"""A backup: what pg_dump writes of one snapshot, and that snapshot's audit head beside it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from registry.audit import Head
from registry.clients import clients_for, connection_string, running
from registry.session import driver_url

# The snapshot lives as long as its transaction, which does nothing meanwhile.
_SESSION = {
    "search_path": "public",
    "timezone": "UTC",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "0",
}
# statement_timestamp: not later than the snapshot, so that nothing committed before it is missing.
_SNAPSHOT = text("""
    SELECT pg_export_snapshot(), statement_timestamp(), current_setting('server_version'),
           last_id, hash, version_num
    FROM audit_head, alembic_version
""")
# Left out: the newest samples, which are replaced every few seconds and are not logged either, and
# the heartbeats of collectors that will not live after a restore. We have no large objects: whose ever
# there are would end the backup, for the owner may not read them.
_DUMP = (
    "--format=custom",
    "--no-password",
    "--no-blobs",
    "--no-unlogged-table-data",
    "--exclude-table-data=public.collectors",
    "--lock-wait-timeout=60s",
)


class BackupError(Exception):
    """There is nothing to back up, or not for this role; the message says which."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a backup holds: everything committed before `taken_at`, and the audit trail up to `head`."""

    name: str
    taken_at: datetime
    server_version: str
    head: Head
    revision: str


@contextmanager
def exported_snapshot(url: str) -> Iterator[Snapshot]:
    """Hold a snapshot that other sessions can use while we are inside."""
    engine = create_engine(
        driver_url(url, "backup", _SESSION), poolclass=NullPool, isolation_level="REPEATABLE READ"
    )
    with engine.connect() as connection:
        yield _export(connection)


def _export(connection: Connection) -> Snapshot:
    try:
        row = connection.execute(_SNAPSHOT).one_or_none()
    except ProgrammingError as error:
        reason = str(error.orig).partition("\n")[0]
        raise BackupError(
            f"{reason}; the database has no tables of ours, or not for this role: "
            "a backup is made as the owner of VSA_MIGRATION_DATABASE_URL"
        ) from None
    if row is None:
        raise BackupError("the database has no tables of ours; vsa db upgrade makes them")
    name, taken_at, version, last_id, head, revision = row
    version = version.partition(" ")[0]
    return Snapshot(name, taken_at.astimezone(UTC), version, Head(last_id, head), revision)


@contextmanager
def dump(url: str, snapshot: Snapshot) -> Iterator[IO[bytes]]:
    """Yield what pg_dump writes of the snapshot; ClientError at the end when that is not whole."""
    clients = clients_for(snapshot.server_version)
    with connection_string(url, "backup") as target:
        command = clients.command(
            "pg_dump", *_DUMP, f"--snapshot={snapshot.name}", f"--dbname={target}"
        )
        with running(command, stdout=subprocess.PIPE) as process:
            assert process.stdout
            yield process.stdout
