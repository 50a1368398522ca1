from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from registry import migrate
from registry.embedded.process import wait_until
from registry.migrate import MigrationError, downgrade, upgrade
from registry.models import metadata
from registry.revisions import Fit, Schema, known_revisions, read_schema
from registry.session import UNAVAILABLE, driver_url
from tests.parts.postgres import Database, Server, empty_database

WORKING = {"SELECT", "INSERT", "UPDATE", "DELETE"}
ALLOWED = dict.fromkeys(metadata.tables, WORKING) | {
    "audit_logs": {"SELECT", "INSERT"},
    "audit_head": {"SELECT", "UPDATE"},
    "alembic_version": {"SELECT"},
}
OUR_TABLES = """
    SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
"""


@pytest.fixture
def empty(server: Server) -> Iterator[Database]:
    with empty_database(server) as database:
        yield database


def query(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(statement.encode()).fetchall()


def schema(url: str) -> Schema:
    engine = create_engine(driver_url(url, "test", {}), poolclass=NullPool)
    with engine.connect() as connection:
        return read_schema(connection)


def pending(url: str) -> bool:
    return schema(url).fit is not Fit.CURRENT


def run(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def grants(url: str, role: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    statement = f"""
        SELECT relname, privilege_type FROM pg_class CROSS JOIN LATERAL aclexplode(relacl)
        WHERE grantee = {role} AND relnamespace = 'public'::regnamespace
    """
    for table, privilege in query(url, statement):
        found.setdefault(str(table), set()).add(str(privilege))
    return found


# ---------------------------------------------------------------------------- up and down


def test_an_empty_database_is_pending_until_it_is_upgraded(empty: Database) -> None:
    assert pending(empty.owner_url)
    upgrade(empty.owner_url, empty.url)
    assert not pending(empty.url)


def test_it_goes_up_down_and_up_again(empty: Database) -> None:
    upgrade(empty.owner_url, empty.url)
    tables = query(empty.owner_url, OUR_TABLES)
    downgrade(empty.owner_url, "base")
    assert query(empty.owner_url, OUR_TABLES) == [("alembic_version",)]
    upgrade(empty.owner_url, empty.url)
    assert set(query(empty.owner_url, OUR_TABLES)) == set(tables)


def test_downgrade_leaves_no_function_and_no_schema(database: Database) -> None:
    downgrade(database.owner_url, "base")
    left = """
        SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT nspname FROM pg_namespace WHERE nspowner = 'vsa_owner'::regrole
    """
    assert query(database.owner_url, left) == []


def test_a_second_upgrade_changes_nothing(database: Database) -> None:
    run(database.url, "INSERT INTO collectors VALUES ('c', '1', 'now', 'now', 1, 2, 3, 4, 5)")
    upgrade(database.owner_url, database.url)
    assert query(database.url, "SELECT instance FROM collectors") == [("c",)]


def make_newer(database: Database, oldest_code: str) -> None:
    run(database.owner_url, "UPDATE alembic_version SET version_num = '9999'")
    run(database.owner_url, f"COMMENT ON TABLE alembic_version IS '{oldest_code}'")


def test_tables_too_new_for_this_code_are_refused(database: Database) -> None:
    make_newer(database, "9998")
    assert schema(database.url).fit is Fit.TOO_NEW
    with pytest.raises(MigrationError, match="9999"):
        upgrade(database.owner_url, database.url)


def test_newer_tables_on_which_this_code_runs_are_left_alone_grants_too(
    database: Database,
) -> None:
    make_newer(database, known_revisions()[0])
    run(database.owner_url, "GRANT TRUNCATE ON vps_nodes TO vsa")
    assert schema(database.url).fit is Fit.AHEAD
    assert "9999, newer than" in upgrade(database.owner_url, database.url)
    assert "TRUNCATE" in grants(database.owner_url, "'vsa'::regrole")["vps_nodes"]


def test_a_role_without_rights_yet_sees_no_tables(database: Database) -> None:
    run(database.owner_url, "REVOKE ALL ON alembic_version FROM vsa")
    assert schema(database.url) == Schema(None, None)


# ---------------------------------------------------------------------------- several at once


def test_upgrades_at_once_from_several_processes_do_not_clash(empty: Database) -> None:
    code = "import sys; from registry.migrate import upgrade; upgrade(*sys.argv[1:])"
    command = [sys.executable, "-c", code, empty.owner_url, empty.url]
    starters = [subprocess.Popen(command) for _ in range(3)]
    assert [starter.wait(60) for starter in starters] == [0, 0, 0]
    assert query(empty.url, "SELECT version_num FROM alembic_version") == [(known_revisions()[-1],)]


def test_an_upgrade_waits_for_the_one_before_it(empty: Database) -> None:
    with psycopg.connect(empty.owner_url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [migrate.STARTERS_LOCK])
        waiting = threading.Thread(target=upgrade, args=(empty.owner_url, empty.url))
        waiting.start()
        lock = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        assert wait_until(lambda: bool(query(empty.superuser_url, lock)), 10)
        assert pending(empty.owner_url)
    waiting.join(30)
    assert not pending(empty.owner_url)


def test_a_migration_gives_up_soon_where_somebody_holds_a_table(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(migrate._SESSION, "lock_timeout", "100ms")
    with psycopg.connect(database.dashboard_url) as reader:
        reader.execute("SELECT * FROM dashboard.nodes")
        with pytest.raises(MigrationError, match="lock timeout"):
            downgrade(database.owner_url, "-1")
    assert not pending(database.url)


# ---------------------------------------------------------------------------- who may what


def test_the_programs_role_has_exactly_its_grants(database: Database) -> None:
    assert grants(database.owner_url, "'vsa'::regrole") == ALLOWED


def test_everybody_has_nothing(database: Database) -> None:
    assert grants(database.owner_url, "0") == {}
    open_to_all = query(
        database.owner_url,
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        " AND (proacl IS NULL OR EXISTS (SELECT FROM aclexplode(proacl) WHERE grantee = 0))",
    )
    assert open_to_all == []


def test_everybody_may_not_create_in_the_schema_though_an_old_cluster_lets_them(
    server: Server, empty: Database
) -> None:
    run(empty.owner_url, "GRANT CREATE ON SCHEMA public TO PUBLIC")
    upgrade(empty.owner_url, empty.url)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(empty.url, "CREATE TABLE mine ()")


def test_an_upgrade_mends_the_grants(database: Database) -> None:
    run(database.owner_url, "REVOKE ALL ON vps_nodes FROM vsa; GRANT ALL ON audit_logs TO vsa")
    upgrade(database.owner_url, database.url)
    assert grants(database.owner_url, "'vsa'::regrole") == ALLOWED


def test_grafanas_role_reads_the_views_and_nothing_else(database: Database) -> None:
    views = query(
        database.owner_url, "SELECT viewname FROM pg_views WHERE schemaname = 'dashboard'"
    )
    assert len(views) == 12
    for (view,) in views:
        assert query(database.dashboard_url, f"SELECT count(*) FROM dashboard.{view}") == [(0,)]
    assert grants(database.owner_url, "'vsa_grafana'::regrole") == {}
    assert_only_reads_views(database)


def assert_only_reads_views(database: Database) -> None:
    for table in metadata.tables:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            query(database.dashboard_url, f"SELECT * FROM {table}")
    for change in ("DELETE FROM dashboard.certificates", "CREATE TABLE dashboard.mine ()"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(database.dashboard_url, change)


def test_an_upgrade_takes_back_what_grafanas_role_must_not_have(database: Database) -> None:
    run(database.owner_url, "GRANT SELECT ON tokens TO vsa_grafana")
    upgrade(database.owner_url, database.url)
    assert_only_reads_views(database)


def test_a_database_without_the_views_is_upgraded_to_its_own_revision(empty: Database) -> None:
    upgrade(empty.owner_url, empty.url, "0001")
    assert query(empty.url, "SELECT version_num FROM alembic_version") == [("0001",)]


@pytest.mark.parametrize("role", ["url", "owner_url"])
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_logs SET actor = 'nobody'",
        "UPDATE audit_logs SET actor = 'nobody' WHERE false",
        "DELETE FROM audit_logs",
        "TRUNCATE audit_logs",
    ],
)
def test_an_audit_entry_cannot_be_changed(database: Database, role: str, change: str) -> None:
    run(
        database.url,
        "INSERT INTO audit_logs VALUES (1, 'now', 'a', 'b', 'c', null, null, '', '', 'ok', '', '')",
    )
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(getattr(database, role), change)
    assert query(database.url, "SELECT actor FROM audit_logs") == [("a",)]


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM audit_head",
        "INSERT INTO audit_head VALUES (false, 0, '')",
        "UPDATE alembic_version SET version_num = ''",
        "DROP TABLE container_snapshots_open",
        "ALTER TABLE audit_logs DISABLE TRIGGER ALL",
        "CREATE TABLE mine ()",
        "CREATE SCHEMA mine",
    ],
)
def test_the_programs_role_is_refused(database: Database, change: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(database.url, change)


def test_the_audit_head_starts_at_zero(database: Database) -> None:
    assert query(database.url, "SELECT last_id, hash FROM audit_head") == [(0, "0" * 64)]


def test_the_programs_role_may_make_temporary_tables(database: Database) -> None:
    run(database.url, "CREATE TEMPORARY TABLE mine ()")


def test_one_role_for_everything_is_accepted(empty: Database) -> None:
    upgrade(empty.owner_url, empty.owner_url)
    assert query(empty.owner_url, "SELECT count(*) FROM vps_nodes") == [(0,)]


def test_a_role_that_does_not_exist_is_named(empty: Database) -> None:
    program_url = empty.url.replace("vsa@", "ghost:hunter2@")
    with pytest.raises(MigrationError, match="the role ghost of VSA_DATABASE_URL") as caught:
        upgrade(empty.owner_url, program_url)
    assert "hunter2" not in str(caught.value)


def test_an_unreachable_server_is_unavailable_and_the_password_stays_ours() -> None:
    url = "postgresql://vsa:hunter2@127.0.0.1:1/vsa"
    with pytest.raises(UNAVAILABLE) as caught:
        upgrade(url, url)
    assert "hunter2" not in str(caught.value)
