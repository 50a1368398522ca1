"""The exporter as a program of its own, on a port of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

_PROGRAM = """
import asyncio
from exporter.program import run
from registry.settings import read_settings
settings = read_settings()
asyncio.run(run(settings, settings.database_url.get_secret_value()))
"""
_START_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Running:
    """A running exporter, where it listens, and its process."""

    address: str
    process: subprocess.Popen[bytes]

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://{self.address}{path}")


@contextmanager
def running_exporter(database_url: str, log: Path) -> Iterator[Running]:
    """Start it and wait until it answers; what it says goes to `log`, and it is gone with the block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    environment = {"VSA_DATABASE_URL": database_url, "VSA_EXPORTER_LISTEN": address}
    command = [sys.executable, "-W", "error", "-c", _PROGRAM]
    with log.open("wb") as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
    try:
        _wait_until_it_answers(process, f"http://{address}/healthz", log)
        yield Running(address, process)
    finally:
        process.kill()
        process.wait()


def _wait_until_it_answers(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"the exporter did not start: {log.read_text(encoding='utf-8')}")
