"""The API as a program of its own, on a port of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.parts.ports import free_port

TOKEN = "a-token-for-the-tests"
_PROGRAM = """
import asyncio
from api.program import run
from registry.settings import read_settings
settings = read_settings()
asyncio.run(run(settings, settings.database_url.get_secret_value(), embedded=False))
"""


@contextmanager
def running_api(database_url: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Start it and wait until it is ready; yields the process and its URL."""
    address = f"127.0.0.1:{free_port()}"
    environment = {
        "VSA_DATABASE_URL": database_url,
        "VSA_API_TOKEN": TOKEN,
        "VSA_API_LISTEN": address,
        "VSA_EXPORTER_LISTEN": "127.0.0.1:9477",
    }
    process = subprocess.Popen([sys.executable, "-W", "error", "-c", _PROGRAM], env=environment)
    try:
        _wait(process, f"http://{address}/api/readyz")
        yield process, f"http://{address}"
    finally:
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the API did not start"
        try:
            httpx.get(url).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the API was not ready in time")
