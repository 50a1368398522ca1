"""A real Prometheus and its promtool; Debian's 2.42 is older than what the product ships for."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.parts.ports import free_port
from tests.parts.ready import wait_until_ready
from tests.parts.require import require_program

PACKAGE = "prometheus"
# The option, and the first version that knows it.
_NEWER = {"track_timestamps_staleness": (2, 48)}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What promtool said of something."""

    passed: bool
    text: str


def promtool(*arguments: str | Path, stdin: str = "") -> Judgement:
    """Run promtool and return what it said; a warning of its linter fails too."""
    program = require_program("promtool", PACKAGE)
    result = subprocess.run(
        [program, *arguments],
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return Judgement(result.returncode == 0, result.stdout)


def version() -> tuple[int, int]:
    """Return the major and minor version of the Prometheus that is here."""
    program = require_program("prometheus", PACKAGE)
    text = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    match = re.search(r"version (\d+)\.(\d+)", text.stdout + text.stderr)
    assert match, text
    return int(match[1]), int(match[2])


def for_this_version(config: str) -> str:
    """Strip the options that the Prometheus that is here does not know, and print which."""
    here = version()
    for option, since in _NEWER.items():
        if here < since and option in config:
            print(f"Prometheus {here[0]}.{here[1]} does not know {option}: tested without it")
            config = re.sub(rf"^.*\b{option}:.*\n", "", config, flags=re.MULTILINE)
    return config


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running server at `url`, scraping what its configuration says."""

    url: str
    pid: int

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Return the series that an instant query gives now: labels and value of each."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expression}).json()
        assert answer["status"] == "success", answer
        return [(row["metric"], float(row["value"][1])) for row in answer["data"]["result"]]


@contextmanager
def prometheus(config: str, folder: Path) -> Iterator[Prometheus]:
    """Run a Prometheus on `config` with its data in `folder`; it stops with the block."""
    program = require_program("prometheus", PACKAGE)
    file = folder / "prometheus.yml"
    file.write_text(for_this_version(config), encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = [
        str(program),
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--log.level=warn",
    ]
    with (folder / "log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_until_ready(f"http://{address}/-/ready", process, folder / "log")
        yield Prometheus(f"http://{address}", process.pid)
    finally:
        process.terminate()
        process.wait(timeout=30)
