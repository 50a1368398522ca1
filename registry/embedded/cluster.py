"""Brings up the database cluster: made once, configured at each start, ready when it answers."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from registry.embedded import process
from registry.embedded.account import Account
from registry.embedded.binaries import MAJOR, find_binaries
from registry.embedded.folders import private_folder
from registry.embedded.layout import EmbeddedError, Layout

_INIT_SECONDS = 120
_START_SECONDS = 60
_ANSWER_SECONDS = 5
_STOP_SECONDS = 30
_LOG_BYTES = 1 << 20
_TAIL_LINES = 20

_INIT = ["--username=postgres", "--auth=peer", "--encoding=UTF8", "--no-instructions"]
# The same order of names on every machine.
_INIT += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]

# fsync stays on: an acknowledged change is on disk. Clients learn of their own errors, so the log
# holds starts, stops and crashes, and never a statement.
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "io_method": "sync",
    "jit": "off",
    "log_min_messages": "log",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
}


def is_usable(layout: Layout) -> bool:
    """Say whether a server runs and answers.

    One that starts or stops is given the time to; one that hangs is ended.
    """
    data, url = layout.data, layout.url("postgres", "postgres")
    patience = _ANSWER_SECONDS if process.says_ready(data) else _START_SECONDS
    process.wait_until(
        lambda: process.find_postmaster(data) is None or process.answers(url), patience
    )
    if process.find_postmaster(data) is None:
        return False
    if process.answers(url):
        return True
    end(layout, patience=0)
    return False


def start(layout: Layout, account: Account) -> subprocess.Popen[bytes]:
    """Start the server, making its cluster where there is none; return its process, which answers."""
    _keep_log_short(layout.log)
    binaries = find_binaries(layout, account)
    if not layout.data.exists():
        _initialise(layout, account, binaries)
    _check_cluster(layout, account)
    process.clear_remains(layout.data, layout.sockets)
    settings = {**_SETTINGS, "hba_file": layout.hba, "ident_file": layout.ident}
    options = [f"--{name}={value}" for name, value in settings.items()]
    place = ["-D", layout.data, "-k", layout.sockets]
    child = _run(layout, account, [binaries / "postgres", *place, *options])
    _wait_ready(layout, child)
    return child


def end(layout: Layout, patience: float = _STOP_SECONDS) -> None:
    """End the server: politely within `patience` seconds, then at once, then by force."""
    for how, seconds in ((signal.SIGINT, patience), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
        if process.end(layout.data, how, seconds):
            return


def _initialise(layout: Layout, account: Account, binaries: Path) -> None:
    """Make the cluster beside its place and move it there whole: a killed starter leaves no half."""
    unfinished = layout.data.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    private_folder(unfinished, account)
    child = _run(layout, account, [binaries / "initdb", "-D", unfinished, *_INIT])
    try:
        code = child.wait(_INIT_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        code = child.wait()
    if code:
        raise EmbeddedError(f"PostgreSQL's initdb failed:\n{_tail(layout.log)}")
    unfinished.rename(layout.data)


def _check_cluster(layout: Layout, account: Account) -> None:
    owner = layout.data.stat().st_uid
    if owner != account.uid:
        raise EmbeddedError(
            f"{layout.data} belongs to user id {owner}, but the server would run as {account.name}"
        )
    found = (layout.data / "PG_VERSION").read_text().strip()
    if found != MAJOR:
        raise EmbeddedError(
            f"{layout.data} was made by PostgreSQL {found}, but PostgreSQL {MAJOR} is installed: "
            "dump it with the old version and load it into a new VSA_DATA_DIR"
        )


def _run(
    layout: Layout, account: Account, command: Sequence[str | Path]
) -> subprocess.Popen[bytes]:
    with layout.log.open("ab") as log:
        return account.start(command, log.fileno())


def _wait_ready(layout: Layout, child: subprocess.Popen[bytes]) -> None:
    url = layout.url("postgres", "postgres")
    process.wait_until(
        lambda: (
            child.poll() is not None or (process.says_ready(layout.data) and process.answers(url))
        ),
        _START_SECONDS,
    )
    if child.poll() is None and process.answers(url):
        return
    end(layout, patience=0)
    child.wait()
    raise EmbeddedError(f"PostgreSQL did not start; its log ends:\n{_tail(layout.log)}")


def _keep_log_short(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.old"))


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join(lines[-_TAIL_LINES:])
