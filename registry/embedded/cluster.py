"""Brings up the database cluster: made once, configured at each start, ready when it answers."""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from registry.embedded import process
from registry.embedded.account import Account
from registry.embedded.binaries import MAJOR, find_binaries
from registry.embedded.folders import private_folder
from registry.embedded.layout import EmbeddedError, Layout

_RUN_SECONDS = 120
_START_SECONDS = 60
# A server that is only slow must not be taken for one that hangs.
_ANSWER_SECONDS = 10
_STOP_SECONDS = 30
_FORCE_SECONDS = 5
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
    data, url = layout.data, _superuser_url(layout)
    # Asked first: a server in another container, on a shared folder, answers but is no process of ours.
    if process.answers(url):
        return True
    patience = _ANSWER_SECONDS if process.says_ready(data) else _START_SECONDS
    settled = process.wait_until(
        lambda: process.find_postmaster(data) is None or process.is_ready(data, url), patience
    )
    if not settled:
        end(layout, patience=0)
    return process.find_postmaster(data) is not None


def start(layout: Layout, account: Account) -> None:
    """Start the server, making its cluster where there is none; it answers on return."""
    _keep_log_short(layout.log)
    binaries = find_binaries(layout, account)
    if not layout.data.exists():
        _initialise(layout, account, binaries)
    _check_cluster(layout, account)
    process.clear_remains(layout.data, layout.sockets)
    settings = {**_SETTINGS, "hba_file": layout.hba, "ident_file": layout.ident}
    options = ["-k", str(layout.sockets), *(f"--{key}={value}" for key, value in settings.items())]
    # The folder by its bare name: pg_ctl pastes it into a shell command, quoted badly.
    place = ["-D", layout.data.name, "-w", "-t", str(_START_SECONDS)]
    try:
        _run(layout, account, binaries / "pg_ctl", "start", *place, "-o", shlex.join(options))
        _demand_answer(layout)
    except BaseException:
        end(layout, patience=0)
        raise


def end(layout: Layout, patience: float = _STOP_SECONDS) -> None:
    """End the server: politely within `patience` seconds, then at once, then by force."""
    steps = {
        signal.SIGINT: patience,
        signal.SIGQUIT: _FORCE_SECONDS,
        signal.SIGKILL: _FORCE_SECONDS,
    }
    for how, seconds in steps.items():
        if process.end(layout.data, how, seconds):
            return


def _initialise(layout: Layout, account: Account, binaries: Path) -> None:
    """Make the cluster beside its place and move it there whole: a killed starter leaves no half."""
    for left in layout.root.glob("unfinished-*"):
        shutil.rmtree(left, ignore_errors=True)
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=layout.root))
    private_folder(unfinished, account)
    _run(layout, account, binaries / "initdb", "-D", str(unfinished), *_INIT)
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


def _run(layout: Layout, account: Account, program: Path, *arguments: str) -> None:
    try:
        with layout.log.open("ab") as log:
            done = account.run([program, *arguments], layout.root, log.fileno(), _RUN_SECONDS)
    except OSError as error:
        raise EmbeddedError(f"cannot run {program}: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        done = False
    if not done:
        raise EmbeddedError(f"PostgreSQL's {program.name} failed:\n{_tail(layout.log)}")


def _demand_answer(layout: Layout) -> None:
    if not process.answers(_superuser_url(layout)):
        raise EmbeddedError(f"PostgreSQL does not answer; its log ends:\n{_tail(layout.log)}")


def _superuser_url(layout: Layout) -> str:
    return layout.url("postgres", "postgres")


def _keep_log_short(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.old"))


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join(lines[-_TAIL_LINES:])
