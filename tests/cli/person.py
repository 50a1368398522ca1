"""A person at a terminal: runs the real command with settings of their own, and reads what it says."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.end_to_end.house import wait_for
from tests.parts.ports import free_port

ROOT = Path(__file__).parents[2]
VSA = [sys.executable, "-P", "-m", "cli.main"]
READY = "Ctrl-C stops all of it"


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str
    cpu_seconds: float

    def document(self) -> object:
        """What it printed, as JSON."""
        value: object = json.loads(self.out)
        return value


class Person:
    """Has settings, and nothing else of this process's environment that steers a command."""

    command: Sequence[str] = VSA

    def __init__(self, settings: Mapping[str, str]) -> None:
        kept = ("PATH", "HOME", "LANG", "TMPDIR")
        self.environment = {name: os.environ[name] for name in kept if name in os.environ}
        self.environment |= {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **settings}

    def vsa(self, *arguments: str, **settings: str) -> Said:
        """Run a command to its end; `settings` hold for this once."""
        before = os.times()
        done = subprocess.run(
            [*self.command, *arguments],
            env={**self.environment, **settings},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        after = os.times()
        cpu = after.children_user + after.children_system
        cpu -= before.children_user + before.children_system
        return Said(done.returncode, done.stdout, done.stderr, cpu)

    def at_a_terminal(self, *arguments: str, answer: str, **settings: str) -> tuple[int, str]:
        """Run a command, answer what it asks; return its exit code and all that was shown."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [*self.command, *arguments],
            env={**self.environment, **settings},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        shown = b""
        while b"[y/N]" not in shown:
            shown += os.read(ours, 1000)
        os.write(ours, f"{answer}\n".encode())
        code = process.wait(30)
        shown += os.read(ours, 1000)
        os.close(ours)
        return code, shown.decode()


class Home(Person):
    """A person with a data folder and free ports, where `vsa up` can run."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.api_port, self.exporter_port = free_port(), free_port()
        super().__init__(
            {
                "VSA_DATA_DIR": str(self.data),
                "VSA_API_LISTEN": f"127.0.0.1:{self.api_port}",
                "VSA_EXPORTER_LISTEN": f"127.0.0.1:{self.exporter_port}",
                "VSA_DOCKER_HOST": f"unix://{folder}/no-docker.sock",
                "VSA_ALLOW_PRIVATE_ADDRESSES": "true",
                **settings,
            }
        )

    def begin(self) -> subprocess.Popen[bytes]:
        """Start `vsa up` and return once it says that all is ready."""
        self.log.write_bytes(b"")
        with self.log.open("ab") as log:
            self.up = subprocess.Popen(
                [*self.command, "up"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_for(
            "vsa up is ready",
            lambda: READY in self.said() or self.up.poll() is not None,
            seconds=60,
        )
        assert self.up.poll() is None, self.said()
        return self.up

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End `vsa up` and return its exit code."""
        self.up.send_signal(how)
        return self.up.wait(timeout=40)

    def rest(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Ask the API, as the owner of the token that `vsa up` left; quicker than a command."""
        url = f"http://127.0.0.1:{self.api_port}/api{path}"
        token = (self.data / "token").read_text(encoding="ascii").strip()
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.request(method, url, json=body, headers=headers, timeout=30)

    @property
    def log(self) -> Path:
        return self.folder / "up.log"

    def said(self) -> str:
        """All that `vsa up` and its programs have said."""
        return self.log.read_text(encoding="utf-8")

    def processes(self) -> dict[int, str]:
        """Every living process that was started for this data folder, with its command."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and (command := _command_for(entry, str(self.data))):
                found[int(entry.name)] = command
        return found

    def process(self, *words: str) -> int | None:
        """The id of the one process whose command holds these words."""
        ids = [pid for pid, text in self.processes().items() if all(w in text for w in words)]
        return ids[0] if ids else None


def _command_for(process: Path, folder: str) -> str | None:
    try:
        command = (process / "cmdline").read_text(encoding="utf-8").replace("\0", " ")
        environment = (process / "environ").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    ours = command and (folder in command or f"={folder}\0" in environment)
    return command if ours else None


def wait_gone(home: Home, seconds: float = 20) -> None:
    """Wait until no process of this data folder lives."""
    deadline = time.monotonic() + seconds
    while left := home.processes():
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
