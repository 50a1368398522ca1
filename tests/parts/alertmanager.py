"""A real Alertmanager and its amtool: Debian's 0.25, older than the 0.28 that the product ships for."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.parts.ports import free_port
from tests.parts.prometheus import Judgement
from tests.parts.ready import wait_until_ready
from tests.parts.require import require_program

PACKAGE = "prometheus-alertmanager"


def amtool(*arguments: str | Path) -> Judgement:
    """Run amtool and return what it said."""
    program = require_program("amtool", PACKAGE)
    result = subprocess.run(
        [program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return Judgement(result.returncode == 0, result.stdout)


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """A running server at `url`."""

    url: str
    log: Path

    def alerts(self) -> list[dict[str, Any]]:
        """Return every alert that it has now, silenced and inhibited ones too."""
        alerts: list[dict[str, Any]] = httpx.get(f"{self.url}/api/v2/alerts").json()
        return alerts

    def post(self, *labels: Mapping[str, str]) -> None:
        """Raise an alert with each of these sets of labels."""
        body = [
            {"labels": one, "annotations": {"summary": " ".join(one.values())}} for one in labels
        ]
        httpx.post(f"{self.url}/api/v2/alerts", json=body).raise_for_status()


@contextmanager
def alertmanager(
    config: str, folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Alertmanager]:
    """Run an Alertmanager on `config` with its data in `folder`; it stops with the block."""
    program = require_program("prometheus-alertmanager", PACKAGE)
    file, log = folder / "alertmanager.yml", folder / "alertmanager.log"
    file.write_text(config, encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = [
        str(program),
        f"--config.file={file}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with log.open("w", encoding="utf-8") as target:
        process = subprocess.Popen(
            command, stdout=target, stderr=target, env={**os.environ, **(environment or {})}
        )
    try:
        wait_until_ready(f"http://{address}/-/ready", process, log)
        yield Alertmanager(f"http://{address}", log)
    finally:
        process.terminate()
        process.wait(timeout=30)
