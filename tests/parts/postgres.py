"""Real PostgreSQL servers: the embedded one, and Debian's 15."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tests.parts.require import require_program

DEBIAN_USER = "postgres"


@dataclass(frozen=True)
class Server:
    """A running server, reached by its superuser over a socket in `sockets`."""

    sockets: Path
    superuser: str

    def url(self, role: str, database: str) -> str:
        return f"postgresql://{role}@/{database}?host={self.sockets}"

    def run(self, database: str, *statements: sql.SQL | sql.Composed) -> None:
        with psycopg.connect(self.url(self.superuser, database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)


@dataclass(frozen=True)
class Database:
    """One test's database, as each of its roles reaches it."""

    name: str
    url: str
    owner_url: str
    superuser_url: str


def _as_debian_user() -> list[str]:
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={DEBIAN_USER}", f"--regid={DEBIAN_USER}", "--clear-groups"]


@contextmanager
def debian_server() -> Iterator[Server]:
    """Debian's PostgreSQL 15 in a folder of its own, open to whoever can reach its socket."""
    pg_ctl = require_program("pg_ctl", "postgresql-15")
    folder = Path(tempfile.mkdtemp(prefix="pg15-"))
    if os.geteuid() == 0:
        user = pwd.getpwnam(DEBIAN_USER)
        os.chown(folder, user.pw_uid, user.pw_gid)
    data, prefix = folder / "data", _as_debian_user()
    initdb = [str(pg_ctl.parent / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres", "-N"]
    options = f"-k {folder} -c listen_addresses= -c fsync=off -c max_connections=200"
    start = [str(pg_ctl), "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start"]
    stop = [str(pg_ctl), "-D", str(data), "-m", "immediate", "-w", "stop"]
    try:
        subprocess.run([*prefix, *initdb], check=True, stdout=subprocess.DEVNULL, cwd="/")
        subprocess.run([*prefix, *start], check=True, stdout=subprocess.DEVNULL, cwd="/")
        yield Server(folder, "postgres")
    finally:
        subprocess.run([*prefix, *stop], check=False, stdout=subprocess.DEVNULL, cwd="/")
        shutil.rmtree(folder, ignore_errors=True)
