"""Real PostgreSQL servers: the embedded one, and Debian's 15; and a fresh database on either."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from registry.embedded import start_server
from registry.migrate import upgrade
from tests.parts.require import missing

_DEBIAN_USER = "postgres"
_TEMPLATE = "migrated"
# Both halve the time of a copy, or better: 350 ms on a disk become 20 in memory.
_COPY = "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY"
_MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Server:
    """A running server, reached over a socket in `sockets`; `migrated` holds our tables, empty."""

    name: str
    sockets: Path

    def url(self, role: str, database: str) -> str:
        return f"postgresql://{role}@/{database}?host={self.sockets}"

    def run(self, statement: str, *names: str) -> None:
        """Run a statement as the superuser, `{}` replaced by quoted names."""
        composed = sql.SQL(statement).format(*map(sql.Identifier, names))
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as connection:
            connection.execute(composed)


@dataclass(frozen=True)
class Database:
    """One test's database, as each of its roles reaches it."""

    name: str
    url: str
    owner_url: str
    superuser_url: str
    dashboard_url: str


@contextmanager
def embedded_server() -> Iterator[Server]:
    """The embedded server in a folder of its own, which its system user can reach."""
    with short_folder("vsa-") as folder:
        running = start_server(folder)
        try:
            yield _prepared(Server("embedded", running.layout.sockets))
        finally:
            running.stop()


@contextmanager
def debian_server() -> Iterator[Server]:
    """Debian's PostgreSQL 15 in a folder of its own, open to whoever can reach its socket."""
    pg_ctl = Path("/usr/lib/postgresql/15/bin/pg_ctl")
    if not pg_ctl.exists():
        missing("PostgreSQL 15 (Debian package postgresql-15)")
    with short_folder("pg15-") as folder:
        if os.geteuid() == 0:
            user = pwd.getpwnam(_DEBIAN_USER)
            os.chown(folder, user.pw_uid, user.pw_gid)
        folder.chmod(0o700)
        data = folder / "data"
        _run_as_debian(pg_ctl.parent / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-N")
        options = f"-k {folder} -c listen_addresses= -c fsync=off -c max_connections=60"
        _run_as_debian(pg_ctl, "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
        try:
            server = Server("debian", folder)
            for role in ("vsa_owner", "vsa", "vsa_grafana"):
                server.run("CREATE ROLE {} LOGIN", role)
            yield _prepared(server)
        finally:
            _run_as_debian(pg_ctl, "-D", data, "-m", "immediate", "-w", "stop")


@contextmanager
def empty_database(server: Server, template: str = "template1") -> Iterator[Database]:
    """A database of the owner's, a copy of `template`; dropped afterwards."""
    name = f"test_{secrets.token_hex(6)}"
    server.run(f"{_COPY} OWNER vsa_owner", name, template)
    roles = ("vsa", "vsa_owner", "postgres", "vsa_grafana")
    try:
        yield Database(name, *(server.url(role, name) for role in roles))
    finally:
        server.run("DROP DATABASE {} WITH (FORCE)", name)


@contextmanager
def migrated_database(server: Server) -> Iterator[Database]:
    """A database with our tables, empty."""
    with empty_database(server, _TEMPLATE) as database:
        yield database


@contextmanager
def short_folder(prefix: str) -> Iterator[Path]:
    """A folder that other system users may pass, as pytest's own is not; in memory where there is room."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=_MEMORY if _has_room(_MEMORY) else None))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _has_room(place: Path) -> bool:
    """Say whether a gigabyte is free and programs may run there."""
    if not place.is_dir():
        return False
    status = os.statvfs(place)
    return status.f_bavail * status.f_frsize > 1 << 30 and not status.f_flag & os.ST_NOEXEC


def _prepared(server: Server) -> Server:
    # A test's database need not outlive a power cut.
    server.run("ALTER SYSTEM SET fsync = off")
    server.run("SELECT pg_reload_conf()")
    server.run("CREATE DATABASE {} OWNER vsa_owner", _TEMPLATE)
    upgrade(server.url("vsa_owner", _TEMPLATE), server.url("vsa", _TEMPLATE))
    return server


def _run_as_debian(*command: str | Path) -> None:
    drop = ["setpriv", f"--reuid={_DEBIAN_USER}", f"--regid={_DEBIAN_USER}", "--clear-groups"]
    prefix = drop if os.geteuid() == 0 else []
    subprocess.run([*prefix, *command], check=True, stdout=subprocess.DEVNULL, cwd="/", timeout=60)
