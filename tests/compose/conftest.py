"""Debian's PostgreSQL as the database's container sets it up, with the roles that it makes."""

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
    "VSA_EXPORTER_PASSWORD": "exporter-5e2d8b90c7a1f346",
}
OWNER, PROGRAM, GRAFANA, EXPORTER = PASSWORDS.values()


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
