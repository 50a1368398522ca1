"""Waiting for a server that a test started."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import httpx

_START_SECONDS = 60


def wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once `url` answers well; RuntimeError with what the server said when it never does."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    said = log.read_text(encoding="utf-8")
    raise RuntimeError(f"{process.args!r} did not start: {said}")
