"""The exporter as a program of its own, on a port of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.parts.ports import free_port
from tests.parts.ready import wait_until_ready

_PROGRAM = """
import asyncio
from exporter.program import run
from registry.settings import read_settings
settings = read_settings()
asyncio.run(run(settings, settings.database_url.get_secret_value()))
"""


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
    address = f"127.0.0.1:{free_port()}"
    environment = {"VSA_DATABASE_URL": database_url, "VSA_EXPORTER_LISTEN": address}
    command = [sys.executable, "-W", "error", "-c", _PROGRAM]
    with log.open("wb") as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
    try:
        wait_until_ready(f"http://{address}/healthz", process, log)
        yield Running(address, process)
    finally:
        process.kill()
        process.wait()
