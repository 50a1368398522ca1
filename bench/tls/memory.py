"""Whether the collector's memory grows with the number of probes."""

from __future__ import annotations

import asyncio
import gc
import tempfile
from pathlib import Path

import uvloop

from bench.measure import resident_mib
from bench.tls.ours import ask_repeatedly, make_probe
from bench.tls.servers import NAME, Target, one_server
from registry.facts.domains import Verdict

_STEPS = 10
_ALLOWED_MIB = 4.0


def measure_memory(probes: int) -> int:
    """Print resident memory ten times on the way; exit 1 when it grew after the first tenth.

    Half of the probes are for a name that the certificate does not have.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        one_server(Path(folder), "P-256") as target,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        sizes = runner.run(_measure(target, probes // _STEPS))
    grown = sizes[-1] - sizes[0]
    print(f"grown by {grown:.1f} MiB after the first tenth, {_ALLOWED_MIB:g} allowed")
    return int(grown > _ALLOWED_MIB)


async def _measure(target: Target, probes: int) -> list[float]:
    probe = make_probe(target)
    sizes = []
    for step in range(1, _STEPS + 1):
        await ask_repeatedly(probe, target, NAME, probes // 2)
        await ask_repeatedly(probe, target, "other.test", probes // 2, Verdict.HOSTNAME_MISMATCH)
        gc.collect()
        sizes.append(resident_mib())
        print(f"{step * probes:8} probes: {sizes[-1]:6.1f} MiB resident", flush=True)
    await probe.close()
    return sizes
