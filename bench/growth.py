"""What grows, and by how much: the database a day and a table, Prometheus a day and a node.

    python -m bench.growth [--nodes 100] [--containers 20] [--days 3]

A day of the database is 24 scrapes of each node, for a scrape that finds nothing new leaves nothing
behind. What is found: each container is replaced once a day and restarts twice, eight events in
all; autovacuum is stood in for by a VACUUM a day. Rows are written by the product's own code.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Mapping

from bench.series import measure_series
from bench.tables import Fleet, Growth, measure_tables

_KIB, _MIB = 1 << 10, 1 << 20


def main() -> int:
    """Measure both and print them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--containers", type=int, default=20, help="containers of each node")
    parser.add_argument(
        "--days", type=int, default=3, help="days, of which the first is not counted"
    )
    options = parser.parse_args()
    if options.days < 2:
        parser.error("--days: a day's growth needs two")
    fleet = Fleet(options.nodes, options.containers, options.days)
    print(f"({time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores)")
    _print_tables(fleet, asyncio.run(measure_tables(fleet)))
    _print_series(options.containers)
    return 0


def _print_tables(fleet: Fleet, growth: Growth) -> None:
    print(f"\nPostgreSQL, {fleet.nodes} nodes of {fleet.containers} containers\n")
    print(f"  {'table':22} {'a day':>12} {'for good':>12}")
    for table, standing in _largest_first(growth.standing):
        print(f"  {table:22} {_mib(growth.a_day[table])} {_mib(standing)}")
    print(f"  {'all':22} {_mib(sum(growth.a_day.values()))} {_mib(sum(growth.standing.values()))}")
    a_container = sum(growth.a_day.values()) / (fleet.nodes * fleet.containers)
    print(f"\n  a container and day: {a_container / _KIB:.2f} KiB")
    print(f"  written ahead a day: {_mib(growth.wal_of_changes)} by changes, ", end="")
    print(f"{_mib(growth.wal_of_scrapes)} by scrapes every 15 s")
    print(f"  backup: {_mib(growth.backup_standing)} and a day {_mib(growth.backup_a_day)}")
    print(f"  an audit record {growth.audit_record / _KIB:6.2f} KiB")


def _print_series(containers: int) -> None:
    series = measure_series(containers)
    print(f"\nPrometheus, one node of {containers} containers, scraped every 15 s\n")
    print(f"  series {series.count}, of which {series.a_container:.1f} a container")
    print(f"  {series.bytes_a_sample:.2f} bytes a sample, {_mib(series.bytes_a_day)} a day")


def _largest_first(sizes: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(sizes.items(), key=lambda pair: -pair[1])


def _mib(size: float) -> str:
    return f"{size / _MIB:8.2f} MiB"


if __name__ == "__main__":
    sys.exit(main())
