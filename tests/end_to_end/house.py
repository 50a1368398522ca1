"""The whole product as separate processes on one database: started, asked, killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.parts.ports import free_port
from tests.parts.postgres import Database

TOKEN = "end-to-end-token-of-the-tests"
ROOT = Path(__file__).parents[2]
T = TypeVar("T")


def wait_for(what: str, condition: Callable[[], T], seconds: float = 30) -> T:
    """Poll until the condition is truthy and return its value; the failure names `what`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds:g} s: {what}")


class House:
    """API, collector and exporter; each can be started, stopped and killed by itself."""

    def __init__(self, database: Database, settings: Mapping[str, str], logs: Path) -> None:
        self.api_port, self.exporter_port = free_port(), free_port()
        self.logs = logs
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("VSA_")},
            "VSA_DATABASE_URL": database.url,
            "VSA_MIGRATION_DATABASE_URL": database.owner_url,
            "VSA_API_TOKEN": TOKEN,
            "VSA_API_LISTEN": f"127.0.0.1:{self.api_port}",
            "VSA_API_URL": f"http://127.0.0.1:{self.api_port}",
            "VSA_EXPORTER_LISTEN": f"127.0.0.1:{self.exporter_port}",
            "VSA_ALLOW_PRIVATE_ADDRESSES": "true",
            "VSA_SCRAPE_INTERVAL": "1s",
            "VSA_PROBE_INTERVAL": "2s",
            **settings,
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.client = httpx.Client(
            base_url=self.environment["VSA_API_URL"],
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=20,
        )

    def vsa(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "cli.main", *arguments]

    def start(self, *programs: str) -> None:
        for program in programs:
            with (self.logs / f"{program}.log").open("ab") as log:
                self.processes[program] = subprocess.Popen(
                    self.vsa(program), env=self.environment, cwd=ROOT, stdout=log, stderr=log
                )
        if "api" in programs:
            wait_for("the API is ready", lambda: self.answers(self.api_url("/api/readyz")))
        if "exporter" in programs:
            wait_for("the exporter is up", lambda: self.answers(self.exporter_url("/healthz")))

    def kill(self, program: str) -> None:
        process = self.processes.pop(program)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(timeout=20)
        self.client.close()

    def api_url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.api_port}{path}"

    def exporter_url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.exporter_port}{path}"

    def answers(self, url: str) -> bool:
        try:
            return httpx.get(url).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def metrics(self, path: str = "/metrics") -> str:
        return httpx.get(self.exporter_url(path)).text

    def get(self, path: str) -> dict[str, Any]:
        answer = self.client.get(path)
        answer.raise_for_status()
        value: dict[str, Any] = answer.json()
        return value

    def items(self, path: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.get(path)["items"]
        return items
