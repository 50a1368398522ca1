"""The one server of a data folder: started or found, used by several, stopped by the last."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from registry.embedded import cluster, process
from registry.embedded.account import server_account
from registry.embedded.folders import prepare
from registry.embedded.layout import Layout

_OWNER, _PROGRAM, _DASHBOARD, _DATABASE = "vsa_owner", "vsa", "vsa_grafana", "vsa"


@dataclass(slots=True)
class EmbeddedServer:
    """A running server, reached through its socket by this process's system user alone."""

    layout: Layout
    _use: int | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The database as the programs' role."""
        return self.layout.url(_PROGRAM, _DATABASE)

    @property
    def owner_url(self) -> str:
        """The database as the role that migrations run as."""
        return self.layout.url(_OWNER, _DATABASE)

    @property
    def is_running(self) -> bool:
        """Whether its main process lives; the server is not asked."""
        return process.find_postmaster(self.layout.data) is not None

    def stop(self) -> None:
        """Stop the server, unless another process still uses it; may be called again."""
        with _starting(self.layout):
            if self._use is not None:
                os.close(self._use)
                self._use = None
            if not _is_used(self.layout):
                cluster.end(self.layout)


def start_server(data_dir: Path) -> EmbeddedServer:
    """Start the server of `data_dir`, or use the one that runs already; it answers `select 1`.

    Raises EmbeddedError when that cannot be, with the reason and what to do.
    """
    account = server_account()
    layout = prepare(data_dir, account)
    with _starting(layout):
        if not cluster.is_usable(layout):
            cluster.start(layout, account)
        _make_roles(layout)
        return EmbeddedServer(layout, _lock(layout, "using", fcntl.LOCK_SH))


def find_server(data_dir: Path) -> EmbeddedServer | None:
    """Return the server that runs on `data_dir` and answers; finding it is not using it."""
    layout = Layout(data_dir.resolve())
    running = process.find_postmaster(layout.data) is not None
    found = running and process.answers(layout.url(_PROGRAM, _DATABASE))
    return EmbeddedServer(layout) if found else None


def _make_roles(layout: Layout) -> None:
    """Make the roles and their database where they are missing."""
    with psycopg.connect(layout.url("postgres", "postgres"), autocommit=True) as connection:
        for role in (_OWNER, _PROGRAM, _DASHBOARD):
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).rowcount:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        known = "SELECT 1 FROM pg_database WHERE datname = %s"
        if not connection.execute(known, [_DATABASE]).rowcount:
            make = sql.SQL("CREATE DATABASE {} OWNER {}")
            connection.execute(make.format(sql.Identifier(_DATABASE), sql.Identifier(_OWNER)))


# ---------------------------------------------------------------------------- locks
# `starting`: one starts or stops at a time. `using`: shared by all who use the server. The kernel
# drops both with their process, however it ends.


@contextmanager
def _starting(layout: Layout) -> Iterator[None]:
    descriptor = _lock(layout, "starting", fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def _is_used(layout: Layout) -> bool:
    try:
        os.close(_lock(layout, "using", fcntl.LOCK_EX | fcntl.LOCK_NB))
    except BlockingIOError:
        return True
    return False


def _lock(layout: Layout, name: str, how: int) -> int:
    descriptor = os.open(layout.root / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, how)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
