"""One node's page over hours, in Prometheus' own blocks: how many series, how many bytes a sample."""

from __future__ import annotations

import random
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from exporter import samples
from exporter.containers import describe
from tests.exporter.things import ENGINE, NODE, SEEN, SHOP, SHOP_SAMPLE
from tests.parts.require import require_program

_INTERVAL_SECONDS = 15
_HOURS = 6
_SCRAPES = _HOURS * 3600 // _INTERVAL_SECONDS
_SEED = 20261123
# name{labels} value [time in milliseconds]
_SAMPLE = re.compile(r"(\S+?\{.*\}|\S+) (\S+)(?: \d+)?")
# What moves at each scrape of a container that does something; all else stands still.
_RISING = re.compile(
    r"^container_(cpu_.*_seconds|network_.*|fs_.*|blkio.*)_total|^container_cpu_cfs|^container_memory_failures"
)
_SWAYING = re.compile(r"^container_memory_(usage|working_set|rss|cache)")
_SEEN = re.compile(r"^container_last_seen|_timestamp_seconds")


@dataclass(frozen=True, slots=True)
class Series:
    """A node's series, and what they take on disk."""

    count: int
    a_container: float
    bytes_a_sample: float

    @property
    def bytes_a_day(self) -> float:
        """Bytes of all of them, every 15 s."""
        return self.count * 86400 / _INTERVAL_SECONDS * self.bytes_a_sample


def measure_series(containers: int) -> Series:
    """Write hours of a node's page into blocks, and weigh them."""
    page = _page(containers)
    fewer = _page(containers - 1)
    with tempfile.TemporaryDirectory() as folder:
        history, blocks = Path(folder) / "history", Path(folder) / "blocks"
        with history.open("w") as file:
            file.writelines(_history(page))
        promtool = require_program("promtool", "prometheus")
        command = [str(promtool), "tsdb", "create-blocks-from", "openmetrics"]
        subprocess.run([*command, str(history), str(blocks)], check=True, stdout=subprocess.DEVNULL)
        size = sum(path.stat().st_size for path in blocks.rglob("*") if path.is_file())
    return Series(len(page), len(page) - len(fewer), size / len(page) / _SCRAPES)


def _page(containers: int) -> list[tuple[str, float]]:
    """Return the samples of a node's page, each container doing something."""
    ids = [sha256(str(number).encode()).hexdigest() for number in range(containers)]
    facts = [
        replace(SHOP, container_id=identity, name=f"shop-service-{number}-1")
        for number, identity in enumerate(ids)
    ]
    known = describe(ENGINE, facts)
    newest = [replace(SHOP_SAMPLE, container_id=identity) for identity in ids]
    assert NODE.last_success_at
    text = "".join([*known.render(SEEN.timestamp(), {}), *samples.render(known, newest)])
    matches = (_SAMPLE.fullmatch(line) for line in text.splitlines() if not line.startswith("#"))
    return [(match[1], float(match[2])) for match in matches if match]


def _history(page: list[tuple[str, float]]) -> Iterator[str]:
    """Write each series over time, as OpenMetrics wants it: series by series."""
    chance = random.Random(_SEED)
    begin = 1_793_577_600
    for name, start in page:
        value = start
        for scrape in range(_SCRAPES):
            at = begin + scrape * _INTERVAL_SECONDS
            yield f"{name} {value:.10g} {at + chance.random() / 50:.3f}\n"
            value = _next(name, value, start, chance)
    yield "# EOF\n"


def _next(name: str, value: float, start: float, chance: random.Random) -> float:
    if _RISING.match(name):
        return value + (chance.random() if "seconds" in name else chance.randrange(100_000))
    if _SWAYING.match(name):
        return max(0, start + chance.randrange(-1000, 1000) * 4096)
    return value + _INTERVAL_SECONDS if _SEEN.search(name) else value
