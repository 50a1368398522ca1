"""CPU and memory of TLS probes, beside their peers, all against local servers of the same run.

python -m bench.tls [--probes 1000] [--runs 5]                   as fast as one core can, P-256 and RSA-2048
python -m bench.tls paced [--endpoints 1000] [--seconds 60]      each endpoint once in 15 s
python -m bench.tls memory [--probes 100000]                     whether memory grows

The peers are `openssl s_time -verify` and Debian's prometheus-blackbox-exporter, when paced driven by
Debian's prometheus. Those that are not installed are left out by name.
"""

from __future__ import annotations

import argparse
import sys

from bench.tls.memory import measure_memory
from bench.tls.paced import measure_paced
from bench.tls.saturated import measure_saturated


def main() -> int:
    """Measure what was asked for, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "what", nargs="?", default="saturated", choices=["saturated", "paced", "memory"]
    )
    parser.add_argument("--probes", type=int, help="probes a run")
    parser.add_argument("--runs", type=int, default=5, help="runs, of which the median counts")
    parser.add_argument("--endpoints", type=int, default=1000, help="endpoints when paced")
    parser.add_argument("--seconds", type=int, default=60, help="how long each is paced")
    options = parser.parse_args()
    if options.what == "paced":
        return measure_paced(options.endpoints, options.seconds)
    if options.what == "memory":
        return measure_memory(options.probes or 100_000)
    return measure_saturated(options.probes or 1000, options.runs)


if __name__ == "__main__":
    sys.exit(main())
