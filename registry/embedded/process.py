"""The server's processes: who runs on a data folder, does it answer, how is it ended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg

from registry.embedded.layout import EmbeddedError


def answers(url: str) -> bool:
    """Say whether a `select 1` is answered, within seconds."""
    limit = "-c statement_timeout=3s"
    try:
        with psycopg.connect(url, connect_timeout=3, options=limit) as connection:
            return connection.execute("select 1").fetchone() == (1,)
    except psycopg.Error:
        return False


def says_ready(data: Path) -> bool:
    """Say whether the server wrote `ready` into its pid file."""
    return _pid_file(data)[7:8] == ["ready"]


def is_ready(data: Path, url: str) -> bool:
    """Say whether the server says so and answers; to ask it earlier would fill its log."""
    return says_ready(data) and answers(url)


def find_postmaster(data: Path) -> int | None:
    """Return the id of the main process running on `data`.

    The pid file alone is not believed: it outlives its server, and the id may be another's by now.
    """
    lines = _pid_file(data)
    pid = int(lines[0]) if lines and lines[0].isdecimal() else 0
    return pid if pid and _runs_on(pid, data) else None


def end(data: Path, how: signal.Signals, seconds: float) -> bool:
    """Send `how` to the main process; say whether it was gone within `seconds`."""
    pid = find_postmaster(data)
    if pid is None:
        return True
    with suppress(ProcessLookupError):
        os.kill(pid, how)
    return wait_until(lambda: not _runs_on(pid, data), seconds)


def clear_remains(data: Path, sockets: Path) -> None:
    """Kill what a dead main process left running on `data`; remove the files that bear its id.

    PostgreSQL itself takes any process of that id, a reused one or a zombie, for the old server.
    """
    for pid in _processes_on(data):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if not wait_until(lambda: not any(_processes_on(data)), 10):
        raise EmbeddedError(f"processes {list(_processes_on(data))} on {data} cannot be killed")
    (data / "postmaster.pid").unlink(missing_ok=True)
    for file in sockets.glob(".s.PGSQL.*"):
        file.unlink(missing_ok=True)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll `condition`; return whether it held within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _pid_file(data: Path) -> list[str]:
    try:
        return [line.strip() for line in (data / "postmaster.pid").read_text().splitlines()]
    except OSError:
        return []


def _processes_on(data: Path) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and _runs_on(int(entry.name), data):
            yield int(entry.name)


def _runs_on(pid: int, data: Path) -> bool:
    """Say whether the process is a PostgreSQL of `data`, which is its working folder; no zombie is."""
    process = Path("/proc", str(pid))
    try:
        named = (process / "comm").read_text().strip() == "postgres"
        return named and (process / "cwd").samefile(data)
    except OSError:
        return False
