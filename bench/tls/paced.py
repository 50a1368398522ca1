"""CPU of a probe as endpoints are really watched: each once in 15 s, in small batches.

Ours is measured twice, in this process as probes alone, and as the whole collector on a PostgreSQL:
the difference is what claiming and recording cost. The peer is driven by a real Prometheus.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvloop

from bench.measure import Row, children_of_cpu, own_cpu, peak_mib, print_rows, process_cpu
from bench.tls.ours import ask_paced, make_probe
from bench.tls.peers import Running, blackbox
from bench.tls.servers import Target, fleet_of_servers
from bench.tls.watched import watched
from tests.end_to_end.house import wait_for
from tests.parts.prometheus import Prometheus, prometheus

_INTERVAL = 15
_WARM_UP = 2 * _INTERVAL
_ASKED = "SELECT sum(probes_total)::bigint FROM domain_state"
_BAD = "SELECT count(*) FROM endpoints WHERE verdict <> 'ok'"
_CONFIG = """
global: {{scrape_interval: {interval}s, scrape_timeout: 10s}}
scrape_configs:
  - job_name: tls
    metrics_path: /probe
    params: {{module: [tls]}}
    static_configs: [{{targets: {targets}}}]
    relabel_configs:
      - {{source_labels: [__address__], target_label: __param_target}}
      - {{source_labels: [__param_target], target_label: instance}}
      - {{target_label: __address__, replacement: "{exporter}"}}
"""


def measure_paced(endpoints: int, seconds: int) -> int:
    """Measure ours and the peer against the same servers, one after the other."""
    with (
        tempfile.TemporaryDirectory() as name,
        fleet_of_servers(Path(name), endpoints) as target,
    ):
        folder = Path(name)
        rows = [_measure_probes(target, seconds)]
        rows += _measure_collector(folder, target, seconds)
        rows += _measure_blackbox(folder, target, seconds)
    print_rows(f"One TLS probe, {endpoints:,} endpoints each once in {_INTERVAL} s", rows)
    return 0


# ---------------------------------------------------------------------------- ours


def _measure_probes(target: Target, seconds: int) -> Row:
    async def measure() -> float:
        probe = make_probe(target)
        await ask_paced(probe, target, _INTERVAL, _WARM_UP // _INTERVAL)
        before = own_cpu()
        asked = await ask_paced(probe, target, _INTERVAL, seconds // _INTERVAL)
        spent = own_cpu() - before
        await probe.close()
        return spent / asked

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        cost = runner.run(measure())
    return Row("vsa probe alone", cost * 1000, peak_mib())


def _measure_collector(folder: Path, target: Target, seconds: int) -> list[Row]:
    with watched(folder, target, _INTERVAL) as house:
        pid, everyone = house.collector_pid, 2 * len(target.addresses)
        wait_for("every endpoint was asked", lambda: house.count(_ASKED) >= everyone, 60)
        postmaster = _parent(house.session.info.backend_pid)
        before, collector = house.count(_ASKED), process_cpu(pid)
        server = children_of_cpu(postmaster)
        time.sleep(seconds)
        asked = house.count(_ASKED) - before
        collector = (process_cpu(pid) - collector) * 1000 / asked
        server = (children_of_cpu(postmaster) - server) * 1000 / asked
        assert not house.count(_BAD), "some endpoints are not ok"
        return [
            Row("vsa collector: claim, probe, record", collector, peak_mib(pid), f"{asked} probes"),
            Row("PostgreSQL beside it", server, peak_mib(postmaster)),
        ]


def _parent(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    return int(next(line for line in status.splitlines() if line.startswith("PPid")).split()[1])


# ---------------------------------------------------------------------------- the peer


def _measure_blackbox(folder: Path, target: Target, seconds: int) -> list[Row]:
    with blackbox(folder, target.bundle) as exporter:
        if not exporter:
            return []
        with _driven(folder, exporter, target) as driver:
            time.sleep(_WARM_UP)
            return _measure_driven(exporter, driver, seconds)


@contextmanager
def _driven(folder: Path, exporter: Running, target: Target) -> Iterator[Prometheus]:
    targets = [f"{address}:{target.port}" for address in target.addresses]
    config = _CONFIG.format(interval=_INTERVAL, targets=targets, exporter=exporter.address)
    with prometheus(config, folder) as driver:
        yield driver


def _measure_driven(exporter: Running, driver: Prometheus, seconds: int) -> list[Row]:
    peer, server = process_cpu(exporter.pid), _prometheus_cpu(driver)
    time.sleep(seconds)
    peer, server = process_cpu(exporter.pid) - peer, _prometheus_cpu(driver) - server
    ((_, asked),) = driver.query(f"sum(sum_over_time(probe_success[{seconds}s]))")
    size = _prometheus_value(driver, "process_resident_memory_bytes") / 2**20
    peer, server = peer * 1000 / asked, server * 1000 / asked
    note = f"{asked:.0f} probes"
    return [
        Row("prometheus-blackbox-exporter", peer, peak_mib(exporter.pid), note),
        Row("prometheus that drives it", server, size),
        Row("both together", peer + server, None),
    ]


def _prometheus_cpu(driver: Prometheus) -> float:
    return _prometheus_value(driver, "process_cpu_seconds_total")


def _prometheus_value(driver: Prometheus, metric: str) -> float:
    lines = httpx.get(f"{driver.url}/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(f"{metric} ")).split()[1])
