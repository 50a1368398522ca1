"""The allow-list before an engine's socket as it ships, in Debian's NGINX; and an engine that only listens."""

from __future__ import annotations

import os
import socket
import socketserver
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.parts.postgres import short_folder
from tests.parts.require import require_program, require_root

SHIPPED = Path(__file__).parents[2] / "compose/docker-proxy/nginx.conf"
NGINX_USER = 101


@dataclass(frozen=True)
class Proxy:
    """A running proxy; `socket` is what the collector is given."""

    socket: Path
    process: subprocess.Popen[bytes]

    def send(self, request: str) -> bytes:
        """Send bytes as they are, and return all that comes back until the end of the connection."""
        with socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(20)
            wire.connect(str(self.socket))
            wire.sendall(request.encode("latin-1"))
            return b"".join(iter(lambda: wire.recv(65536), b""))

    def get(self, path: str, *, method: str = "GET", headers: str = "", body: str = "") -> int:
        """Return the status of an answer."""
        line = f"{method} {path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n"
        answer = self.send(f"{line}{headers}\r\n{body}")
        return int(answer.split(b" ", 2)[1]) if answer else 0


class Recorder(socketserver.ThreadingUnixStreamServer):
    """An engine that says yes to everything and remembers what it was asked."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        self.heard: list[bytes] = []
        super().__init__(str(path), _Yes)


class _Yes(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while line := self.rfile.readline():
            head = [line, *iter(self.rfile.readline, b"\r\n")]
            assert isinstance(self.server, Recorder)
            self.server.heard.append(b"".join(head))
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


@contextmanager
def proxy(engine: Path, *, group: int) -> Iterator[Proxy]:
    """The shipped configuration, unprivileged; only where things lie is changed."""
    program = require_program("nginx", "nginx-light")
    require_root("run NGINX as the user of its container")
    with short_folder("vsa-docker-proxy-") as folder:
        config = SHIPPED.read_text(encoding="utf-8")
        for old, new in (
            ("/tmp/", f"{folder}/"),
            ("/run/docker-proxy/", f"{folder}/"),
            ("unix:/var/run/docker.sock", f"unix:{engine}"),
            ("/dev/stdout", f"{folder}/refusals"),
        ):
            assert old in config
            config = config.replace(old, new)
        (folder / "nginx.conf").write_text(config)
        os.chown(folder, NGINX_USER, NGINX_USER)
        command = [program, "-e", "stderr", "-c", folder / "nginx.conf"]
        who = {"user": NGINX_USER, "group": group, "extra_groups": []}
        process = subprocess.Popen(command, **who)  # type: ignore[call-overload]
        try:
            wait_for(lambda: (folder / "docker.sock").is_socket() or process.poll() is not None)
            yield Proxy(folder / "docker.sock", process)
        finally:
            process.terminate()
            process.wait(20)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
