"""CPU of one node scrape: version kept, list, 20 one-shot stats, events; beside the Docker SDK.

    python -m bench.nodes [--containers 20] [--runs 5]

The stand-in engine answers at once with pre-rendered bytes from a process of its own, so that it
hides nothing of the client. The real engine is Debian's dockerd, where it is installed and we are
root; its one-shot stats take about a second, which is waiting and no CPU.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import docker
import uvloop

from bench.measure import Row, median_ms, own_cpu, peak_mib, print_rows
from collector.docker.probe import DockerProbe
from registry.facts.nodes import EventCursor, NodeFacts, NodeQuestion
from tests.collector.docker.labs import NETWORK
from tests.parts.dockerd import IMAGE, dockerd

_SCRAPES = 200
_SDK_SCRAPES = 20
_REAL_SCRAPES = 2


def main() -> int:
    """Measure ours and the SDK against the stand-in, then against the real engine."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--containers", type=int, default=20, help="containers of the node")
    parser.add_argument("--runs", type=int, default=5, help="runs, of which the median counts")
    options = parser.parse_args()
    number, runs = options.containers, options.runs
    with _stand_in(number) as url:
        rows = [_ours(url, runs, _SCRAPES), _sdk(url, runs, _SDK_SCRAPES)]
    print_rows(f"One scrape of {number} containers, stand-in engine of API 1.52", rows)
    if os.geteuid() != 0 or not shutil.which("dockerd"):
        print("left out: the real engine needs root and dockerd", file=sys.stderr)
        return 0
    with dockerd() as engine:
        for name in range(number):
            engine.client.containers.run(
                IMAGE, "/bin/sleep 3600", name=f"web-{name}", detach=True, network_mode="none"
            )
        url = engine.url
        rows = [_ours(url, runs, _REAL_SCRAPES), _sdk(url, runs, _REAL_SCRAPES)]
    print_rows(f"One scrape of {number} containers, Docker 20.10", rows)
    return 0


@contextmanager
def _stand_in(containers: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "engine.sock"
        command = [sys.executable, "-m", "tests.parts.engine", str(path)]
        command += ["--containers", str(containers)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
            process.kill()


def _ours(url: str, runs: int, scrapes: int) -> Row:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        seconds = runner.run(_scrape(url, runs, scrapes))
    return Row("vsa collector", median_ms(s / scrapes for s in seconds), peak_mib())


async def _scrape(url: str, runs: int, scrapes: int) -> list[float]:
    """CPU seconds of each run; the first scrape, which inspects everything, is not counted."""
    probe = DockerProbe(time.time, NETWORK)
    cursor: EventCursor | None = None
    seconds = []
    for run in range(runs + 1):
        before = own_cpu()
        for _ in range(scrapes):
            facts = await probe.ask(NodeQuestion(1, "bench", url, 30.0, 16 << 20, cursor))
            assert isinstance(facts, NodeFacts), facts
            cursor = facts.cursor
        if run:
            seconds.append(own_cpu() - before)
    await probe.close()
    return seconds


def _sdk(url: str, runs: int, scrapes: int) -> Row:
    """Make the same calls by the Docker SDK, stats in a pool of threads, as its users do."""
    client = docker.APIClient(base_url=url, version="1.41", timeout=30)
    costs = []
    with ThreadPoolExecutor(8) as pool:

        def stats(container: Mapping[str, str]) -> object:
            return client.stats(container["Id"], stream=False, one_shot=True)

        for _ in range(runs):
            before = own_cpu()
            for _ in range(scrapes):
                running = client.containers()
                list(pool.map(stats, running))
                now = int(time.time())
                list(client.events(since=now - 15, until=now, decode=True))
            costs.append((own_cpu() - before) / scrapes)
    client.close()
    return Row("docker SDK in threads", median_ms(costs), peak_mib())


if __name__ == "__main__":
    sys.exit(main())
