"""A fleet asked on every tick by one collector: lateness, CPU a process, memory, what is written.

    python -m bench.fleet [--nodes 1000] [--containers 20] [--interval 15] [--minutes 10]

The engines are stand-ins with pre-rendered answers, a tenth of them over TLS with client
certificates; they note when they are asked, and lateness is that less the tick of the registry's
grid. All else is the product: API, collector, exporter and its embedded PostgreSQL with fsync. Where
Prometheus is installed it scrapes the fleet's pages. Several sizes (--nodes 100 500 1000) run in turn.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from cryptography.hazmat.primitives.serialization import Encoding

from bench.engines import Fleet, fleet
from bench.measure import peak_mib, process_cpu, tree_cpu
from registry.embedded import EmbeddedServer, start_server
from registry.migrate import upgrade
from registry.schedule import next_due
from tests.end_to_end.house import ROOT, TOKEN, House, wait_for
from tests.parts.postgres import Database
from tests.parts.prometheus import Prometheus, prometheus
from tests.parts.tls import Authority

_SETTLE_SECONDS = 5.0
_PROGRAMS = ("collector", "exporter", "api")
_CERTIFICATE = "-----BEGIN CERTIFICATE"
_WRITTEN = """
    SELECT sum(n_tup_ins + n_tup_upd + n_tup_del), pg_current_wal_insert_lsn() - '0/0'
    FROM pg_stat_user_tables
"""
_PROMETHEUS = """
global: {{scrape_interval: {interval}, evaluation_interval: {interval}}}
rule_files: ["{rules}/*.yml"]
scrape_configs:
  - job_name: vsa
    static_configs: [{{targets: ["{exporter}"]}}]
  - job_name: vsa-nodes
    http_sd_configs:
      - url: {nodes}
        authorization: {{type: Bearer, credentials_file: {token}}}
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """How large the fleet is, how often each node is asked (seconds), and for how many seconds."""

    nodes: int
    containers: int
    interval: float
    seconds: float
    over_tls: int
    with_prometheus: bool


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds by process so far, rows changed and bytes written ahead by PostgreSQL."""

    cpu: Mapping[str, float]
    rows: int
    wal: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run took: lateness of each tick in seconds, ticks missed, and usage between two moments."""

    late: list[float]
    missed: int
    before: Usage
    after: Usage
    seconds: float
    peaks: Mapping[str, float]


def main() -> int:
    """Run every size and print its table; exit code 1 when a tick was missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--nodes", type=int, nargs="+", default=[1000], metavar="N")
    parser.add_argument("--containers", type=int, default=20, help="containers of each node")
    parser.add_argument("--interval", type=float, default=15.0, help="seconds")
    parser.add_argument("--minutes", type=float, default=10.0, help="measured time")
    parser.add_argument("--no-prometheus", action="store_true", help="nobody scrapes the pages")
    options = parser.parse_args()
    missed = 0
    for nodes in options.nodes:
        plan = Plan(
            nodes=nodes,
            containers=options.containers,
            interval=options.interval,
            seconds=options.minutes * 60,
            over_tls=nodes // 10,
            with_prometheus=not options.no_prometheus and shutil.which("prometheus") is not None,
        )
        outcome = measure(plan)
        missed += outcome.missed
        _print(plan, outcome)
    return 1 if missed else 0


def measure(plan: Plan) -> Outcome:
    """Run one fleet for its time."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vsa-fleet-")))
        folder.chmod(0o711)  # PostgreSQL runs as a user of its own
        authority = Authority.create("Fleet Root")
        engines = stack.enter_context(_engines(folder, authority, plan))
        server = stack.enter_context(_server(folder / "database"))
        house = stack.enter_context(_house(folder, server, plan))
        _register(house, engines.urls, authority)
        pids = {name: house.processes[name].pid for name in _PROGRAMS}
        pids |= {"stand-in engines": engines.pid}
        if plan.with_prometheus:
            pids["Prometheus"] = stack.enter_context(_prometheus(folder / "prometheus", house)).pid
        _say(f"{plan.nodes} nodes are registered; each is looked at once …")
        wait_for("every node is up", lambda: _scraped(server) == plan.nodes, 300)
        time.sleep(plan.interval + _SETTLE_SECONDS)
        start, before = time.time(), _usage(server, pids)
        _wait(plan.seconds)
        end, after = time.time(), _usage(server, pids)
        peaks = {name: peak_mib(pid) for name, pid in pids.items()}
        time.sleep(_SETTLE_SECONDS)  # the last ticks may be late, too
        late, missed = _lateness(_ids(server), engines.stop(), plan.interval, start, end)
    return Outcome(late, missed, before, after, end - start, peaks)


# ---------------------------------------------------------------------------- the parts


@contextmanager
def _engines(folder: Path, authority: Authority, plan: Plan) -> Iterator[Fleet]:
    sockets = folder / "engines"
    sockets.mkdir()
    identity = authority.issue(["127.0.0.1"])
    root = authority.bundle_path(sockets).read_bytes()
    (sockets / "server.pem").write_bytes(identity.pem() + root)
    sizes = {"nodes": plan.nodes, "over_tls": plan.over_tls, "containers": plan.containers}
    with fleet(sockets, **sizes) as engines:
        yield engines


@contextmanager
def _server(folder: Path) -> Iterator[EmbeddedServer]:
    server = start_server(folder)
    try:
        upgrade(server.owner_url, server.url)
        yield server
    finally:
        server.stop()


@contextmanager
def _house(folder: Path, server: EmbeddedServer, plan: Plan) -> Iterator[House]:
    database = Database("vsa", server.url, server.owner_url, "", "")
    settings = {
        "VSA_SCRAPE_INTERVAL": f"{plan.interval:g}s",
        "VSA_SECRET_KEY": os.urandom(32).hex(),
    }
    house = House(database, settings, folder)
    try:
        house.start(*_PROGRAMS)
        yield house
    finally:
        house.stop()


def _register(house: House, urls: Mapping[str, str], authority: Authority) -> None:
    key, mark, certificate = authority.issue(["collector"]).pem().decode().partition(_CERTIFICATE)
    root = authority.certificate.public_bytes(Encoding.PEM).decode()
    secret = {"kind": "tls", "ca": root, "certificate": mark + certificate, "key": key}
    _post(house, "/api/credentials", {"name": "fleet", "secret": secret})
    for name, url in urls.items():
        credential = {"credential": "fleet"} if url.startswith("tcp") else {}
        _post(house, "/api/nodes", {"name": name, "docker_url": url, **credential})


def _post(house: House, path: str, body: Mapping[str, object]) -> None:
    house.client.post(path, json=body).raise_for_status()


@contextmanager
def _prometheus(folder: Path, house: House) -> Iterator[Prometheus]:
    folder.mkdir()
    (folder / "token").write_text(TOKEN)
    names = {
        "interval": house.environment["VSA_SCRAPE_INTERVAL"],
        "rules": ROOT / "prometheus" / "rules",
        "exporter": f"127.0.0.1:{house.exporter_port}",
        "nodes": house.api_url("/api/sd/nodes"),
        "token": folder / "token",
    }
    with prometheus(_PROMETHEUS.format(**names), folder) as running:
        yield running


# ---------------------------------------------------------------------------- the figures


def _usage(server: EmbeddedServer, pids: Mapping[str, int]) -> Usage:
    cpu = {name: process_cpu(pid) for name, pid in pids.items()}
    postmaster = int((server.layout.data / "postmaster.pid").read_text().split()[0])
    with psycopg.connect(server.owner_url) as connection:
        row = connection.execute(_WRITTEN).fetchone()
    assert row is not None
    return Usage(cpu | {"PostgreSQL": tree_cpu(postmaster)}, *map(int, row))


def _ids(server: EmbeddedServer) -> dict[str, int]:
    with psycopg.connect(server.owner_url) as connection:
        return dict(connection.execute("SELECT name, id FROM vps_nodes").fetchall())


def _scraped(server: EmbeddedServer) -> int:
    with psycopg.connect(server.owner_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM node_state WHERE last_success_at IS NOT NULL"
        ).fetchone()
    return int(row[0]) if row else 0


def _lateness(
    ids: Mapping[str, int],
    asked: Mapping[str, list[float]],
    interval: float,
    start: float,
    end: float,
) -> tuple[list[float], int]:
    """Pair each tick of each node between two moments with the first question before the next tick."""
    late, missed = [], 0
    for name, node_id in ids.items():
        tick = _after(start, interval, node_id)
        while tick < end:
            answered = [moment - tick for moment in asked[name] if tick <= moment < tick + interval]
            late += answered[:1]
            missed += not answered
            tick += interval
    return sorted(late), missed


def _after(moment: float, interval: float, node_id: int) -> float:
    now = datetime.fromtimestamp(moment, UTC)
    return next_due(now, interval, f"node/{node_id}").timestamp()


def _wait(seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        _say(f"{left:4.0f} s to go …")
        time.sleep(min(left, 30))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _print(plan: Plan, outcome: Outcome) -> None:
    hours = outcome.seconds / 3600
    rows = (outcome.after.rows - outcome.before.rows) / hours
    wal = (outcome.after.wal - outcome.before.wal) / hours / (1 << 20)
    late = outcome.late
    print(
        f"\n{plan.nodes} nodes of {plan.containers} containers, {plan.over_tls} of them over TLS, every"
        f" {plan.interval:g} s for {outcome.seconds:.0f} s  ({time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores)\n"
    )
    print(
        f"  ticks {len(late) + outcome.missed}, missed {outcome.missed}; lateness in ms: ", end=""
    )
    places = {"median": 0.5, "p99": 0.99, "p99.9": 0.999, "most": 1.0}
    print(", ".join(f"{name} {_at(late, share) * 1000:.0f}" for name, share in places.items()))
    print(f"  PostgreSQL: {rows:,.0f} rows changed an hour, {wal:,.0f} MiB written ahead an hour\n")
    print(f"  {'':18} {'% of a core':>12} {'ms a scrape':>12} {'peak MiB':>9}")
    for name, seconds in outcome.after.cpu.items():
        used = seconds - outcome.before.cpu[name]
        peak = f"{outcome.peaks[name]:9.0f}" if name in outcome.peaks else ""
        print(f"  {name:18} {used / outcome.seconds:12.1%} {used / len(late) * 1000:12.3f} {peak}")


def _at(values: list[float], share: float) -> float:
    return values[min(int(share * len(values)), len(values) - 1)]


if __name__ == "__main__":
    sys.exit(main())
