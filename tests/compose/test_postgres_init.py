"""The roles that the database's container makes, and what each may do."""

from __future__ import annotations

import subprocess

import psycopg
import pytest

from tests.compose.conftest import EXPORTER, GRAFANA, OWNER, PASSWORDS, PROGRAM, Cluster

LIMITS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "30s",
    "temp_file_limit": "1GB",
}


def test_the_owner_logs_in_with_its_own_password_alone(cluster: Cluster) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        cluster.connect("vsa_owner", PROGRAM)
    cluster.connect("vsa_owner", OWNER).close()


def test_before_the_migrations_nobody_but_the_owner_gets_in(cluster: Cluster) -> None:
    others = (("vsa", PROGRAM), ("vsa_grafana", GRAFANA), ("vsa_exporter", EXPORTER))
    for role, password in others:
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            cluster.connect(role, password)
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        cluster.connect("vsa_owner", OWNER, "postgres")


def test_passwords_stand_in_no_log(migrated: Cluster) -> None:
    assert "CREATE TABLE" in migrated.log, "statements are not logged, so this shows nothing"
    assert not [password for password in PASSWORDS.values() if password in migrated.log]


def test_roles_may_log_in_and_nothing_more(migrated: Cluster) -> None:
    query = """
        SELECT bool_or(rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)
        FROM pg_roles WHERE rolname LIKE 'vsa%'
    """
    with migrated.connect("vsa_owner", OWNER) as owner:
        assert owner.execute(query).fetchone() == (False,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            owner.execute("CREATE ROLE more")


def test_the_migrations_open_it_for_the_programs_and_for_grafana(migrated: Cluster) -> None:
    with migrated.connect("vsa", PROGRAM) as programs:
        assert programs.execute("SELECT count(*) FROM vps_nodes").fetchone() == (0,)
    with migrated.connect("vsa_grafana", GRAFANA) as grafana:
        assert grafana.execute("SELECT count(*) FROM dashboard.nodes").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            grafana.execute("SELECT * FROM vps_nodes")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            grafana.execute("SELECT * FROM tokens")


def test_grafana_s_role_only_reads_and_not_for_ever(migrated: Cluster) -> None:
    with migrated.connect("vsa_grafana", GRAFANA) as grafana:
        shown = [grafana.execute(f"SHOW {name}").fetchone() for name in LIMITS]
        assert shown == [(value,) for value in LIMITS.values()]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            grafana.execute("CREATE TEMPORARY TABLE mine (x int)")


@pytest.mark.parametrize(
    "call",
    [
        "pg_advisory_lock(7762785)",  # the one of all starters: no migration, no start of the API
        "pg_try_advisory_xact_lock(hashtext('vsa partitions'))",  # no new day, so no new state
        "lo_create(0)",
        "lo_from_bytea(0, 'a disk full of these')",
    ],
)
def test_grafana_s_role_can_neither_hold_up_a_start_nor_leave_anything_behind(
    migrated: Cluster, call: str
) -> None:
    with migrated.connect("vsa_grafana", GRAFANA) as grafana:
        grafana.execute("SET default_transaction_read_only = off")  # whoever sends SQL can
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            grafana.execute(f"SELECT {call}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            grafana.execute("CREATE TEMPORARY TABLE mine (x int)")


def test_the_programs_keep_the_locks_by_which_they_wait_for_each_other(migrated: Cluster) -> None:
    for role, password in (("vsa", PROGRAM), ("vsa_owner", OWNER)):
        with migrated.connect(role, password) as program:
            program.execute("SELECT pg_advisory_xact_lock(1)")


def test_run_again_it_takes_back_what_grafana_s_role_set_for_itself(migrated: Cluster) -> None:
    with migrated.connect("vsa_grafana", GRAFANA) as grafana:
        grafana.execute("SET default_transaction_read_only = off")
        grafana.execute("ALTER ROLE vsa_grafana SET enable_seqscan = off")
        grafana.execute("ALTER ROLE vsa_grafana IN DATABASE vsa SET statement_timeout = 0")
        grafana.execute("ALTER ROLE vsa_grafana PASSWORD 'mine-from-now-on'")
    migrated.psql(**PASSWORDS)
    with migrated.connect("vsa_grafana", GRAFANA) as grafana:
        assert grafana.execute("SHOW enable_seqscan").fetchone() == ("on",)
        assert grafana.execute("SHOW statement_timeout").fetchone() == ("30s",)


def test_grafana_s_connections_are_counted(migrated: Cluster) -> None:
    held = [migrated.connect("vsa_grafana", GRAFANA) for _ in range(10)]
    try:
        with pytest.raises(psycopg.OperationalError, match="too many connections"):
            migrated.connect("vsa_grafana", GRAFANA)
    finally:
        for connection in held:
            connection.close()


def test_run_again_it_sets_the_new_passwords_and_keeps_the_data(migrated: Cluster) -> None:
    with migrated.connect("vsa_owner", OWNER) as owner:
        owner.execute("CREATE TABLE IF NOT EXISTS kept (x int)")
    migrated.psql(**{**PASSWORDS, "VSA_PROGRAM_PASSWORD": "changed-0d5c7e9a1f3b8642"})
    try:
        migrated.connect("vsa", "changed-0d5c7e9a1f3b8642").close()
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            migrated.connect("vsa", PROGRAM)
        with migrated.connect("vsa_owner", OWNER) as owner:
            assert owner.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    finally:
        migrated.psql(**PASSWORDS)


def test_without_a_password_it_stops_before_it_makes_a_role_without_one(migrated: Cluster) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        migrated.psql(VSA_OWNER_PASSWORD="set-but-alone")
    migrated.connect("vsa_owner", OWNER).close()
