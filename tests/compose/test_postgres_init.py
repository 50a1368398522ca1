"""The roles that the database's container makes, in Debian's PostgreSQL as the image sets it up."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from registry.migrate import upgrade
from tests.parts.ports import free_port
from tests.parts.postgres import short_folder
from tests.parts.require import require_program, require_root

SHIPPED = Path(__file__).parents[2] / "compose/postgres/roles.sql"
USER = "postgres"
PASSWORDS = {
    "VSA_OWNER_PASSWORD": "owner-7f3a9c51d2e84b06",
    "VSA_PROGRAM_PASSWORD": "program-1b9e6f0a8c3d5274",
    "VSA_GRAFANA_PASSWORD": "grafana-c4a8e2075f1b9d63",
}
OWNER, PROGRAM, GRAFANA = PASSWORDS.values()
LIMITS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "30s",
    "temp_file_limit": "1GB",
}


@dataclass(frozen=True)
class Cluster:
    """A server with a data folder of its own, reached by its socket as the superuser, by TCP with a password."""

    folder: Path
    port: int

    def psql(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the shipped file as the image does: by the system user, over the socket."""
        psql = require_program("psql", "postgresql-15")
        command = (psql, "-v", "ON_ERROR_STOP=1", "--no-password", "--no-psqlrc")
        place = ("-h", self.folder, "-p", str(self.port), "-d", "postgres", "-f", SHIPPED)
        return _run(*command, *place, environment=environment)

    def connect(self, role: str, password: str, database: str = "vsa") -> psycopg.Connection:
        """Log in over the network."""
        return psycopg.connect(self.url(role, password, database), autocommit=True)

    def url(self, role: str, password: str, database: str = "vsa") -> str:
        """Where a program finds the database."""
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"

    @property
    def log(self) -> str:
        """All that the server has logged."""
        return (self.folder / "log").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A new data folder, and the file run on it once."""
    pg_ctl = require_program("pg_ctl", "postgresql-15")
    require_root("run PostgreSQL as its own system user")
    with short_folder("vsa-roles-") as folder:
        os.chown(folder, *_ids())
        data, cluster = folder / "data", Cluster(folder, free_port())
        ways = ("--auth-local=peer", "--auth-host=scram-sha-256")  # POSTGRES_INITDB_ARGS
        _run(pg_ctl.with_name("initdb"), "-D", data, "-U", USER, "-N", *ways)
        options = (
            f"-k {folder} -p {cluster.port} -c listen_addresses=127.0.0.1 -c fsync=off"
            " -c log_statement=all -c log_min_duration_statement=0"
        )
        _run(pg_ctl, "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
        try:
            cluster.psql(**PASSWORDS)
            yield cluster
        finally:
            _run(pg_ctl, "-D", data, "-m", "immediate", "-w", "stop")


@pytest.fixture(scope="module")
def migrated(cluster: Cluster) -> Cluster:
    """The same server with our tables."""
    upgrade(cluster.url("vsa_owner", OWNER), cluster.url("vsa", PROGRAM))
    return cluster


def _ids() -> tuple[int, int]:
    user = pwd.getpwnam(USER)
    return user.pw_uid, user.pw_gid


def _run(
    *command: str | Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    # Into files: the server that pg_ctl leaves behind would hold a pipe open.
    user, group = _ids()
    return subprocess.run(
        list(map(str, command)),
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **(environment or {})},
        user=user,
        group=group,
        extra_groups=[],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        timeout=60,
        check=True,
    )


def test_the_owner_logs_in_with_its_own_password_alone(cluster: Cluster) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        cluster.connect("vsa_owner", PROGRAM)
    cluster.connect("vsa_owner", OWNER).close()


def test_before_the_migrations_nobody_but_the_owner_gets_in(cluster: Cluster) -> None:
    for role, password in (("vsa", PROGRAM), ("vsa_grafana", GRAFANA)):
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
