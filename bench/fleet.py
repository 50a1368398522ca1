"""A fleet asked on every tick by one collector: lateness, CPU a process, memory, what is written.

    python -m bench.fleet [--nodes 1000] [--containers 20] [--endpoints 5000] [--minutes 10]

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
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bench import product
from bench.measure import peak_mib, process_cpu, tree_cpu
from registry.embedded import EmbeddedServer
from registry.ticks import next_due
from tests.end_to_end.house import wait_for
from tests.parts.tls import Authority

_SETTLE_SECONDS = 5.0
_PROBE_INTERVAL = 3600.0
_SEEN = """
    SELECT (SELECT count(*) FROM node_state WHERE last_success_at IS NOT NULL)
         + (SELECT count(*) FROM domain_state WHERE last_success_at IS NOT NULL)
"""
_WRITTEN = """
    SELECT sum(n_tup_ins + n_tup_upd + n_tup_del), pg_current_wal_insert_lsn() - '0/0'
    FROM pg_stat_user_tables
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is watched, how often each node is asked (seconds), and for how many seconds."""

    nodes: int
    containers: int
    endpoints: int
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
    """What a run took: lateness in seconds of each tick that was kept, and usage between two moments.

    Of the nodes, each of whose ticks counts, and of the domains that were due at all.
    """

    late: list[float]
    missed: int
    domains_late: list[float]
    before: Usage
    after: Usage
    seconds: float
    peaks: Mapping[str, float]


def main() -> int:
    """Run every size and print its table; exit code 1 when a tick was missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--nodes", type=int, nargs="+", default=[1000], metavar="N")
    parser.add_argument("--containers", type=int, default=20, help="containers of each node")
    parser.add_argument("--endpoints", type=int, default=5000, help="TLS endpoints, each hourly")
    parser.add_argument("--interval", type=float, default=15.0, help="seconds")
    parser.add_argument("--minutes", type=float, default=10.0, help="measured time")
    parser.add_argument("--no-prometheus", action="store_true", help="nobody scrapes the pages")
    options = parser.parse_args()
    missed = 0
    for nodes in options.nodes:
        plan = Plan(
            nodes=nodes,
            containers=options.containers,
            endpoints=options.endpoints,
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
        enter = stack.enter_context
        folder = Path(enter(tempfile.TemporaryDirectory(prefix="vsa-fleet-")))
        folder.chmod(0o711)  # PostgreSQL runs as a user of its own
        authority = Authority.create("Fleet Root")
        sizes = {"nodes": plan.nodes, "over_tls": plan.over_tls, "containers": plan.containers}
        engines = enter(product.engines(folder / "engines", authority, **sizes))
        server = enter(product.database(folder / "database"))
        settings = {
            "VSA_SCRAPE_INTERVAL": f"{plan.interval:g}s",
            "VSA_PROBE_INTERVAL": f"{_PROBE_INTERVAL:g}s",
            "VSA_TRUST_BUNDLE": str(authority.bundle_path(folder)),
        }
        house = enter(product.programs(folder, server, settings))
        _say(f"registering {plan.nodes} nodes and {plan.endpoints} endpoints …")
        product.watch_nodes(house, engines.urls, authority)
        enter(product.watch_domains(house, authority, plan.endpoints))
        pids = {name: house.processes[name].pid for name in product.PROGRAMS}
        pids |= {"stand-in engines": engines.pid}
        if plan.with_prometheus:
            pids["Prometheus"] = enter(product.scraped(folder / "prometheus", house)).pid
        _say("each is looked at once …")
        wait_for("everything was seen", lambda: _seen(server) == plan.nodes + plan.endpoints, 300)
        time.sleep(plan.interval + _SETTLE_SECONDS)
        start, before = time.time(), _usage(server, pids)
        _wait(plan.seconds)
        end, after = time.time(), _usage(server, pids)
        peaks = {name: peak_mib(pid) for name, pid in pids.items()}
        time.sleep(_SETTLE_SECONDS)  # the last ticks may be late, too
        late, missed = _lateness(_ids(server), engines.stop(), plan.interval, start, end)
        domains_late = _domains_lateness(server, start, end)
    return Outcome(late, missed, domains_late, before, after, end - start, peaks)


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


def _seen(server: EmbeddedServer) -> int:
    with psycopg.connect(server.owner_url) as connection:
        row = connection.execute(_SEEN).fetchone()
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


def _domains_lateness(server: EmbeddedServer, start: float, end: float) -> list[float]:
    """Take the domains that were due between two moments: how much later was each looked at."""
    with psycopg.connect(server.owner_url) as connection:
        rows = connection.execute("SELECT domain_id, last_attempt_at FROM domain_state").fetchall()
    begin = datetime.fromtimestamp(start, UTC)
    ticks = [(next_due(begin, _PROBE_INTERVAL, f"domain/{key}"), seen) for key, seen in rows]
    due = [(tick, seen) for tick, seen in ticks if tick.timestamp() < end]
    # One that was not looked at since counts with the hour that it will wait.
    return sorted(((seen - tick).total_seconds()) % _PROBE_INTERVAL for tick, seen in due)


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
        f" {plan.interval:g} s, and {plan.endpoints} endpoints hourly, for {outcome.seconds:.0f} s  ({time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores)\n"
    )
    print(f"  ticks {len(late) + outcome.missed}, missed {outcome.missed}; late by {_places(late)}")
    if due := outcome.domains_late:
        print(f"  {len(due)} endpoints were due; late by {_places(due)}")
    print(f"  PostgreSQL: {rows:,.0f} rows changed an hour, {wal:,.0f} MiB written ahead an hour\n")
    print(f"  {'':18} {'% of a core':>12} {'ms a scrape':>12} {'peak MiB':>9}")
    for name, seconds in outcome.after.cpu.items():
        used = seconds - outcome.before.cpu[name]
        peak = f"{outcome.peaks[name]:9.0f}" if name in outcome.peaks else ""
        print(f"  {name:18} {used / outcome.seconds:12.1%} {used / len(late) * 1000:12.3f} {peak}")


def _places(late: list[float]) -> str:
    places = {"median": 0.5, "p99": 0.99, "p99.9": 0.999, "most": 1.0}
    at = {name: late[min(int(share * len(late)), len(late) - 1)] for name, share in places.items()}
    return ", ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in at.items())


if __name__ == "__main__":
    sys.exit(main())
