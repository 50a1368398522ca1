from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import SchemaItem

from registry.models import metadata
from registry.session import driver_url
from tests.parts.postgres import Database, Server, empty_database

# What Alembic does not look at: checks, storage options, unlogged tables, partition keys.
CATALOGUE = """
    SELECT relname, relpersistence::text, reloptions, pg_get_partkeydef(c.oid),
           ARRAY(SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
                 WHERE conrelid = c.oid AND contype <> 'n' ORDER BY 1),
           ARRAY(SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = c.oid ORDER BY 1)
    FROM pg_class c
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    AND relname <> 'alembic_version'
    ORDER BY relname
"""


def connect(url: str) -> Iterator[Connection]:
    with create_engine(driver_url(url, "test", {}), poolclass=NullPool).connect() as connection:
        yield connection


@pytest.fixture
def migrated(database: Database) -> Iterator[Connection]:
    yield from connect(database.owner_url)


@pytest.fixture
def modelled(server: Server) -> Iterator[Connection]:
    """A database made from the models, no migration run."""
    with empty_database(server) as database:
        for connection in connect(database.owner_url):
            metadata.create_all(connection)
            yield connection


def differences(connection: Connection) -> list[object]:
    children = set(
        connection.scalars(text("SELECT relname FROM pg_class WHERE relispartition")).all()
    )

    def is_no_partition(
        item: SchemaItem, name: str | None, kind: str, reflected: bool, other: SchemaItem | None
    ) -> bool:
        return not (kind == "table" and name in children)

    options = {"include_object": is_no_partition, "compare_server_default": True}
    context = MigrationContext.configure(connection, opts={"compare_type": True, **options})
    return list(compare_metadata(context, metadata))


def test_the_models_equal_the_migrations(migrated: Connection) -> None:
    assert differences(migrated) == []


def test_they_are_equal_where_alembic_does_not_look(
    migrated: Connection, modelled: Connection
) -> None:
    assert migrated.execute(text(CATALOGUE)).all() == modelled.execute(text(CATALOGUE)).all()


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE vps_nodes ADD COLUMN stray text",
        "ALTER TABLE tokens ALTER COLUMN name TYPE varchar(63)",
        "ALTER TABLE vps_nodes ALTER COLUMN labels DROP DEFAULT",
        "ALTER TABLE events ALTER COLUMN name DROP NOT NULL",
        "ALTER TABLE domains DROP CONSTRAINT fk_domains_node_id_vps_nodes",
        "DROP INDEX ix_audit_logs_actor",
        "COMMENT ON COLUMN tokens.hash IS 'MD5'",
    ],
)
def test_a_difference_is_seen(migrated: Connection, change: str) -> None:
    migrated.execute(text(change))
    assert differences(migrated)
