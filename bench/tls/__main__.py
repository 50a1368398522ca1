"""CPU and memory of TLS probes, beside their peers, all against local servers of the same run.

python -m bench.tls [--probes 1000] [--runs 5]                   as fast as one core can, P-256 and RSA-2048
python -m bench.tls paced [--endpoints 1000] [--seconds 60]      each endpoint once in 15 s
python -m bench.tls memory [--probes 100000]                     whether memory grows
python -m bench.tls lateness [--nodes 1000] [--endpoints 5000]   whether all are asked in time

The peers are `openssl s_time -verify` and Debian's prometheus-blackbox-exporter, when paced driven by
Debian's prometheus. Those that are not installed are left out by name.
"""

from __future__ import annotations

import argparse
import sys

from bench.tls.lateness import measure_lateness
from bench.tls.memory import measure_memory
from bench.tls.paced import measure_paced
from bench.tls.saturated import measure_saturated

_WAYS = ("saturated", "paced", "memory", "lateness")


def main() -> int:
    """Measure what was asked for, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="?", default="saturated", choices=_WAYS)
    parser.add_argument("--probes", type=int, help="probes a run")
    parser.add_argument("--runs", type=int, default=5, help="runs, of which the median counts")
    parser.add_argument("--endpoints", type=int, help="endpoints that are watched")
    parser.add_argument("--nodes", type=int, default=1000, help="nodes beside the endpoints")
    parser.add_argument("--seconds", type=int, default=60, help="how long is measured")
    options = parser.parse_args()
    if options.what == "paced":
        return measure_paced(options.endpoints or 1000, options.seconds)
    if options.what == "lateness":
        return measure_lateness(options.nodes, options.endpoints or 5000, options.seconds)
    if options.what == "memory":
        return measure_memory(options.probes or 100_000)
    return measure_saturated(options.probes or 1000, options.runs)


if __name__ == "__main__":
    sys.exit(main())
