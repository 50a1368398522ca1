"""Debian's OpenSSH server on a port of loopback, which lets one key in as the tests' own user."""

from __future__ import annotations

import getpass
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from tests.parts.ports import free_port
from tests.parts.require import require_program, require_root

# sshd demands this folder, which Debian's unit makes.
_PRIVILEGE_SEPARATION = Path("/run/sshd")


@dataclass(frozen=True)
class Sshd:
    """A running server: how to reach it, the key it shows, and the private key that it lets in."""

    process: subprocess.Popen[bytes]
    port: int
    user: str
    host_key: str
    private_key: str

    def url(self, path: str) -> str:
        """Return the node URL of the engine whose socket is at `path` there."""
        return f"ssh://{self.user}@127.0.0.1:{self.port}{path}"

    def end_sessions(self) -> None:
        """Kill those who serve a connection, as a reboot does."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        for pid in map(int, children.read_text().split()):
            os.kill(pid, signal.SIGKILL)


@contextmanager
def sshd(folder: Path, *, forwarding: bool = True) -> Iterator[Sshd]:
    """Run a server with its files in `folder`; `forwarding` is whether it opens sockets."""
    require_root("run sshd")
    program = require_program("sshd", "openssh-server")
    _PRIVILEGE_SEPARATION.mkdir(exist_ok=True)
    host_key, client_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    port = free_port()
    files = {"host_key": host_key.export_private_key(), "keys": client_key.export_public_key()}
    files["config"] = _config(folder, port, forwarding=forwarding).encode()
    for name, content in files.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
    command: list[str | Path] = [program, "-D", "-e", "-f", folder / "config"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log)
    try:
        _wait(folder / "log", process)
        yield Sshd(
            process,
            port,
            getpass.getuser(),
            host_key.export_public_key().decode().strip(),
            client_key.export_private_key().decode(),
        )
    finally:
        process.terminate()
        process.wait(10)


def _config(folder: Path, port: int, *, forwarding: bool) -> str:
    return f"""
        Port {port}
        ListenAddress 127.0.0.1
        HostKey {folder}/host_key
        AuthorizedKeysFile {folder}/keys
        PidFile none
        StrictModes no
        UsePAM yes
        PasswordAuthentication no
        KbdInteractiveAuthentication no
        MaxStartups 100
        AllowStreamLocalForwarding {"yes" if forwarding else "no"}
    """


def _wait(log: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while b"Server listening" not in log.read_bytes():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, "sshd does not listen"
        time.sleep(0.02)
