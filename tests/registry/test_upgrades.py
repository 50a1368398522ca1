"""Every earlier state with data goes up to this version's and back again; what a migration may do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest

from registry.migrate import downgrade, oldest_code, upgrade
from registry.revisions import known_revisions
from tests.parts.postgres import Database, Server, empty_database
from tests.registry.test_models import connect, differences

STATES = Path(__file__).parent / "states"
REVISIONS = known_revisions()
STEPS = list(pairwise(REVISIONS))

TABLES = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    AND relname <> 'alembic_version' ORDER BY 1
"""
# What code that is written for one state may count on, in words that name it.
PROMISES = """
    SELECT format('column %s.%s is %s%s%s', attrelid::regclass, attname,
                  format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN ' not null' END,
                  ' default ' || pg_get_expr(adbin, adrelid))
    FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
    LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum)
    WHERE relnamespace = ANY (ARRAY[to_regnamespace('public'), to_regnamespace('dashboard')])
    AND relkind IN ('r', 'p', 'v') AND NOT relispartition AND attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT format('%s has the unique index %s', indrelid::regclass, indexrelid::regclass)
    FROM pg_index JOIN pg_class c ON c.oid = indexrelid
    WHERE indisunique AND relnamespace = 'public'::regnamespace AND NOT relispartition
    UNION ALL
    SELECT format('function %s returns %s', oid::regprocedure, prorettype::regtype)
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT format('vsa may %s %s', privilege_type, relname)
    FROM pg_class CROSS JOIN LATERAL aclexplode(relacl)
    WHERE grantee = 'vsa'::regrole AND relnamespace = 'public'::regnamespace
"""
# What code may run into: a rule on a row that it writes without knowing of it.
DEMANDS = """
    SELECT format('%s demands %s', conrelid::regclass, pg_get_constraintdef(con.oid))
    FROM pg_constraint con JOIN pg_class c ON c.oid = conrelid
    WHERE connamespace = 'public'::regnamespace AND contype <> 'n' AND NOT relispartition
    UNION ALL
    SELECT format('%s demands the unique index %s', indrelid::regclass, indexrelid::regclass)
    FROM pg_index JOIN pg_class c ON c.oid = indrelid
    WHERE indisunique AND relnamespace = 'public'::regnamespace AND NOT relispartition
    UNION ALL
    SELECT format('%s demands a value of %s', attrelid::regclass, attname)
    FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    AND attnum > 0 AND attnotnull AND NOT atthasdef AND attidentity = ''
    UNION ALL
    SELECT format('%s demands the trigger %s', tgrelid::regclass, tgname)
    FROM pg_trigger WHERE NOT tgisinternal
"""

Rows = dict[str, list[dict[str, object]]]


@pytest.fixture
def empty(server: Server) -> Iterator[Database]:
    with empty_database(server) as database:
        yield database


def at(database: Database, revision: str) -> Database:
    """The database at an earlier state, filled as the programs of then did."""
    upgrade(database.owner_url, database.url, revision)
    with psycopg.connect(database.superuser_url) as connection:
        for known in REVISIONS[: REVISIONS.index(revision) + 1]:
            file = STATES / f"{known}.sql"
            if file.exists():
                connection.execute(file.read_bytes())
    return database


def contents(database: Database) -> Rows:
    with psycopg.connect(database.owner_url) as connection:
        tables = [table for (table,) in connection.execute(TABLES)]
        found = {
            table: [
                row for (row,) in connection.execute(f"SELECT to_jsonb(t) FROM {table} t".encode())
            ]
            for table in tables
        }
    return {table: sorted(rows, key=repr) for table, rows in found.items()}


def as_known_before(now: Rows, before: Rows) -> Rows:
    """Only those tables and columns that were there before."""
    return {
        table: sorted(
            ({name: row[name] for name in rows[0]} for row in now[table]),
            key=repr,
        )
        for table, rows in before.items()
        if rows
    }


def said(url: str, query: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {row[0] for row in connection.execute(query.encode())}


# ---------------------------------------------------------------------------- up and down


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_an_earlier_state_goes_up_and_back_and_keeps_its_data(
    empty: Database, revision: str
) -> None:
    database = at(empty, revision)
    before = contents(database)
    assert all(before.values()), [table for table, rows in before.items() if not rows]
    upgrade(database.owner_url, database.url)
    assert as_known_before(contents(database), before) == before
    for connection in connect(database.owner_url):
        assert differences(connection) == []
    downgrade(database.owner_url, revision)
    assert contents(database) == before


# ---------------------------------------------------------------------------- expand, then contract


def faults(before: Database, change: str | None = None, revision: str = "head") -> list[str]:
    """What is taken away or demanded anew of tables that were there before."""
    url = before.owner_url
    promised, demanded = said(url, PROMISES), said(url, DEMANDS)
    old_tables = tuple(f"{table} demands" for table in contents(before))
    if change is None:
        upgrade(url, before.url, revision)
    else:
        with psycopg.connect(url) as connection:
            connection.execute(change.encode())
    new_demands = [
        demand
        for demand in said(url, DEMANDS) - demanded
        if demand.startswith(old_tables) and not is_of_new_column(demand, promised)
    ]
    return sorted(promised - said(url, PROMISES)) + new_demands


def is_of_new_column(demand: str, promised: set[str]) -> bool:
    """A reference from a column that old code never fills asks nothing of it."""
    found = re.fullmatch(r"(\S+) demands FOREIGN KEY \((\w+)\) .*", demand)
    column = f"column {found[1]}.{found[2]} is " if found else ""
    return bool(found) and not any(promise.startswith(column) for promise in promised)


@pytest.mark.parametrize(("previous", "revision"), STEPS)
def test_a_migration_only_adds_unless_it_says_otherwise(
    empty: Database, previous: str, revision: str
) -> None:
    upgrade(empty.owner_url, empty.url, previous)
    if oldest_code(revision) != revision:
        assert faults(empty, revision=revision) == []


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE vps_nodes DROP COLUMN timeout_seconds",
        "ALTER TABLE vps_nodes RENAME COLUMN labels TO tags",
        "ALTER TABLE vps_nodes ALTER COLUMN labels DROP DEFAULT",
        "ALTER TABLE vps_nodes ALTER COLUMN timeout_seconds TYPE integer",
        "ALTER TABLE vps_nodes ALTER COLUMN interval_seconds SET NOT NULL",
        "ALTER TABLE vps_nodes ADD COLUMN owner text NOT NULL",
        "ALTER TABLE vps_nodes ADD CHECK (name <> '')",
        "ALTER TABLE vps_nodes ADD FOREIGN KEY (name) REFERENCES collectors",
        "ALTER TABLE domains DROP CONSTRAINT uq_domains_name_port_server_name",
        "ALTER TABLE events RENAME TO happenings",
        "CREATE UNIQUE INDEX ON vps_nodes (docker_url)",
        "REVOKE DELETE ON domains FROM vsa",
        "DROP FUNCTION vsa_drop_partitions",
        "ALTER VIEW dashboard.nodes RENAME COLUMN labels TO tags",
        "DROP VIEW dashboard.audit",
        "CREATE TRIGGER stop BEFORE INSERT ON tokens EXECUTE FUNCTION vsa_refuse_change()",
    ],
)
def test_a_change_that_older_code_would_run_into_is_seen(database: Database, change: str) -> None:
    assert faults(database, change)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE vps_nodes ADD COLUMN owner text",
        "ALTER TABLE vps_nodes ADD COLUMN owner text NOT NULL DEFAULT ''",
        "CREATE TABLE owners (name text NOT NULL PRIMARY KEY)",
        "CREATE INDEX ON vps_nodes (docker_url)",
        "ALTER TABLE vps_nodes ADD COLUMN owner text REFERENCES collectors",
    ],
)
def test_a_change_that_only_adds_is_none(database: Database, change: str) -> None:
    assert faults(database, change) == []


def test_each_migration_names_code_that_there_is() -> None:
    assert [oldest_code(revision) in REVISIONS for revision in REVISIONS] == [True] * len(REVISIONS)


def test_the_files_are_named_by_their_revisions_in_one_line() -> None:
    assert all(re.fullmatch(r"\d{4}", revision) for revision in REVISIONS)
    folder = Path(__file__).parents[2] / "migrations" / "versions"
    for previous, revision in [(None, REVISIONS[0]), *STEPS]:
        (file,) = folder.glob(f"{revision}_*.py")
        source = file.read_text(encoding="utf-8")
        assert f'revision = "{revision}"' in source
        named = f'down_revision = "{previous}"' if previous else "down_revision = None"
        assert named in source


def test_the_database_tells_code_that_does_not_know_it(empty: Database) -> None:
    told = "SELECT obj_description('alembic_version'::regclass, 'pg_class')"
    for revision in REVISIONS:
        upgrade(empty.owner_url, empty.url, revision)
        assert said(empty.url, told) == {oldest_code(revision)}
