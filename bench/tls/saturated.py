"""CPU of one TLS probe as fast as a core can: a full TLS 1.3 handshake, chain of two, verdict, parse."""

from __future__ import annotations

import asyncio
import re
import subprocess
import tempfile
import urllib.request
from pathlib import Path

import uvloop

from bench.measure import (
    Row,
    children_cpu,
    median_ms,
    own_cpu,
    peak_mib,
    print_rows,
    process_cpu,
)
from bench.tls.ours import ask_repeatedly, make_probe
from bench.tls.peers import blackbox
from bench.tls.servers import KINDS, NAME, Target, one_server


def measure_saturated(probes: int, runs: int) -> int:
    """Measure ours and each peer against one server, once for each kind of key."""
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as folder, one_server(Path(folder), kind) as target:
            rows = [_measure_ours(target, probes, runs)]
            rows += _measure_s_time(target, runs)
            rows += _measure_blackbox(Path(folder), target, probes, runs)
        print_rows(f"One TLS probe, TLS 1.3, {kind} chain of two, saturated", rows)
    return 0


def _measure_ours(target: Target, probes: int, runs: int) -> Row:
    async def measure() -> list[float]:
        probe = make_probe(target)
        await ask_repeatedly(probe, target, NAME, 50)
        seconds = []
        for _ in range(runs):
            before = own_cpu()
            await ask_repeatedly(probe, target, NAME, probes)
            seconds.append(own_cpu() - before)
        await probe.close()
        return seconds

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        seconds = runner.run(measure())
    return Row("vsa collector", median_ms(s / probes for s in seconds), peak_mib())


def _measure_s_time(target: Target, runs: int) -> list[Row]:
    """`openssl s_time` tells how many connections it made in the time it had."""
    command = ["openssl", "s_time", "-connect", f"127.0.0.1:{target.port}", "-new", "-time", "3"]
    command += ["-verify", "3", "-CAfile", str(target.bundle)]
    costs = []
    for _ in range(runs):
        before = children_cpu()
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        match = re.search(r"^(\d+) connections in", done.stdout, re.MULTILINE)
        assert match, done.stdout
        costs.append((children_cpu() - before) / int(match[1]))
    return [Row("openssl s_time -verify", median_ms(costs), None)]


def _measure_blackbox(folder: Path, target: Target, probes: int, runs: int) -> list[Row]:
    with blackbox(folder, target.bundle, NAME) as running:
        if not running:
            return []
        url = f"http://{running.address}/probe?module=tls&target=127.0.0.1:{target.port}"
        costs = []
        for _ in range(runs):
            before = process_cpu(running.pid)
            for _ in range(probes):
                with urllib.request.urlopen(url) as answer:
                    assert b"probe_success 1" in answer.read()
            costs.append((process_cpu(running.pid) - before) / probes)
        return [Row("prometheus-blackbox-exporter", median_ms(costs), peak_mib(running.pid))]
