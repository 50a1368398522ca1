"""A node's newest numbers as text: the part of its page that is made anew at each scrape.

A number that the engine did not give is left out, never a zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from exporter.containers import Containers
from exporter.families import node as f
from exporter.families.family import Family
from exporter.text import escape, stamp
from registry.facts.containers import BlockSample, ContainerSample, NetworkSample

R = TypeVar("R")

# Labels without their closing brace, what is read, and its timestamp.
Row = tuple[str, R, str]
Reading = tuple[Family, Callable[[R], float | None]]


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e9


_CPU_TOTAL: tuple[Reading[ContainerSample], ...] = (
    (f.CPU_USAGE, lambda sample: _seconds(sample.cpu_total_ns)),
)
_CONTAINER: tuple[Reading[ContainerSample], ...] = (
    (f.CPU_USER, lambda sample: _seconds(sample.cpu_user_ns)),
    (f.CPU_SYSTEM, lambda sample: _seconds(sample.cpu_system_ns)),
    (f.MEMORY_USAGE, lambda sample: sample.memory_usage_bytes),
    (f.MEMORY_WORKING_SET, lambda sample: sample.memory_working_set_bytes),
    (f.MEMORY_RSS, lambda sample: sample.memory_rss_bytes),
    (f.MEMORY_CACHE, lambda sample: sample.memory_cache_bytes),
    (f.MEMORY_SWAP, lambda sample: sample.memory_swap_bytes),
    (f.MEMORY_MAPPED, lambda sample: sample.memory_mapped_bytes),
    (f.MEMORY_ACTIVE_FILE, lambda sample: sample.memory_active_file_bytes),
    (f.MEMORY_INACTIVE_FILE, lambda sample: sample.memory_inactive_file_bytes),
    (f.MEMORY_MAX, lambda sample: sample.memory_max_usage_bytes),
    (f.MEMORY_FAILURES, lambda sample: sample.memory_failures),
    (f.THREADS, lambda sample: sample.pids),
    (f.THREADS_MAX, lambda sample: sample.pids_limit),
)
# cAdvisor tells the same again as scope="hierarchy": no container has control groups of its own below.
_FAULTS: tuple[tuple[str, Callable[[ContainerSample], int | None]], ...] = (
    (',failure_type="pgfault",scope="container"', lambda sample: sample.page_faults),
    (',failure_type="pgmajfault",scope="container"', lambda sample: sample.major_page_faults),
)
_LIMITED: tuple[Reading[ContainerSample], ...] = (
    (f.CFS_PERIODS, lambda sample: sample.cfs_periods),
    (f.CFS_THROTTLED_PERIODS, lambda sample: sample.cfs_throttled_periods),
    (f.CFS_THROTTLED, lambda sample: _seconds(sample.cfs_throttled_ns)),
)
_NETWORK: tuple[Reading[NetworkSample], ...] = (
    (f.RECEIVE_BYTES, lambda network: network.receive_bytes),
    (f.RECEIVE_PACKETS, lambda network: network.receive_packets),
    (f.RECEIVE_ERRORS, lambda network: network.receive_errors),
    (f.RECEIVE_DROPPED, lambda network: network.receive_dropped),
    (f.TRANSMIT_BYTES, lambda network: network.transmit_bytes),
    (f.TRANSMIT_PACKETS, lambda network: network.transmit_packets),
    (f.TRANSMIT_ERRORS, lambda network: network.transmit_errors),
    (f.TRANSMIT_DROPPED, lambda network: network.transmit_dropped),
)


def _bytes(block: BlockSample) -> int:
    return block.bytes_total


def _operations(block: BlockSample) -> int | None:
    return block.operations_total


def render(containers: Containers, samples: Iterable[ContainerSample]) -> Iterator[str]:
    """Give the lines of all samples whose container is known and has a cgroup."""
    labels = containers.labels
    rows = [
        (labels[sample.container_id], sample, stamp(sample.received_at))
        for sample in samples
        if sample.container_id in labels
    ]
    yield from _series(
        _CPU_TOTAL, [(f'{text},cpu="total"', sample, at) for text, sample, at in rows]
    )
    yield from _series(_CONTAINER, rows)
    yield from _faults(rows)
    limited = [row for row in rows if row[1].container_id in containers.limited]
    yield from _series(_LIMITED, limited)
    yield from _series(_NETWORK, _network_rows(rows))
    yield from _blocks(rows)


def _series(readings: Iterable[Reading[R]], rows: Sequence[Row[R]]) -> Iterator[str]:
    for family, read in readings:
        opening = f"{family.name}{{"
        lines = [
            f"{opening}{labels}}} {value}{at}\n"
            for labels, record, at in rows
            if (value := read(record)) is not None
        ]
        if lines:
            yield family.header
            yield from lines


def _faults(rows: Sequence[Row[ContainerSample]]) -> Iterator[str]:
    told = [
        f"{f.MEMORY_FAULTS.name}{{{labels}{more}}} {value}{at}\n"
        for labels, sample, at in rows
        for more, read in _FAULTS
        if (value := read(sample)) is not None
    ]
    if told:
        yield f.MEMORY_FAULTS.header
        yield from told


def _network_rows(rows: Iterable[Row[ContainerSample]]) -> list[Row[NetworkSample]]:
    return [
        (f'{labels},interface="{escape(network.interface)}"', network, at)
        for labels, sample, at in rows
        for network in sample.networks
    ]


def _blocks(rows: Sequence[Row[ContainerSample]]) -> Iterator[str]:
    devices = [
        (f'{labels},device="{block.major}:{block.minor}"', block, at)
        for labels, sample, at in rows
        for block in sample.blocks
    ]
    for family, operation in ((f.READ_BYTES, "Read"), (f.WRITTEN_BYTES, "Write")):
        moved = [row for row in devices if row[1].operation == operation]
        yield from _series(((family, _bytes),), moved)
    for family, operation in ((f.READS, "Read"), (f.WRITES, "Write")):
        done = [row for row in devices if row[1].operation == operation]
        yield from _series(((family, _operations),), done)
    operations = [
        (
            f'{labels},major="{block.major}",minor="{block.minor}",operation="{block.operation}"',
            block,
            at,
        )
        for labels, block, at in devices
    ]
    yield from _series(((f.DEVICE_BYTES, _bytes),), operations)
