"""Starts the embedded server elsewhere: in another process, or as another system user."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import psycopg

SCRIPT = """
import sys, time
from pathlib import Path
from registry.embedded import start_server
server = start_server(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.read()
server.stop()
"""


def starter(data_dir: Path) -> subprocess.Popen[str]:
    """A process that starts the server, says `ready`, and stops it when its input ends."""
    command = [sys.executable, "-c", SCRIPT, str(data_dir)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def is_ready(process: subprocess.Popen[str]) -> bool:
    assert process.stdout
    return process.stdout.readline() == "ready\n"


def query(url: str, statement: str) -> object:
    """The one value that `statement` returns, if it returns any."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def as_user(uid: int, act: Callable[[], object]) -> str:
    """Do `act` in a child process with no rights but those of `uid`; return its result or fault."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _step_down_and(act, uid, writing)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


def _step_down_and(act: Callable[[], object], uid: int, pipe: int) -> None:
    try:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        said = str(act())
    except BaseException:  # noqa: BLE001 - a forked test must never return into pytest
        said = traceback.format_exc()
    os.write(pipe, said.encode())
    os._exit(0)
