"""The engine's numbers of one container as typed structs: `GET /containers/{id}/stats`.

Docker Engine API 1.41 … 1.52 and Podman's compatible API; cgroup v1 and v2 spell some fields apart.
"""

from __future__ import annotations

from msgspec import Struct, field
from msgspec.json import Decoder

from collector.docker.wire import Counter


class CpuUsage(Struct, gc=False):
    """CPU time in nanoseconds."""

    total_usage: Counter | None = None
    usage_in_usermode: Counter | None = None
    usage_in_kernelmode: Counter | None = None


class Throttling(Struct, gc=False):
    """CFS periods, throttled ones, and nanoseconds spent throttled."""

    periods: Counter | None = None
    throttled_periods: Counter | None = None
    throttled_time: Counter | None = None


class Cpu(Struct):
    """CPU numbers."""

    cpu_usage: CpuUsage = field(default_factory=CpuUsage)
    throttling_data: Throttling = field(default_factory=Throttling)


class MemoryDetails(Struct, gc=False):
    """The kernel's memory.stat: the `total_` fields are cgroup v1's, the bare ones v2's."""

    total_active_file: Counter | None = None
    total_inactive_file: Counter | None = None
    total_rss: Counter | None = None
    total_cache: Counter | None = None
    total_mapped_file: Counter | None = None
    total_swap: Counter | None = None
    total_pgfault: Counter | None = None
    total_pgmajfault: Counter | None = None
    active_file: Counter | None = None
    inactive_file: Counter | None = None
    anon: Counter | None = None
    file: Counter | None = None
    file_mapped: Counter | None = None
    pgfault: Counter | None = None
    pgmajfault: Counter | None = None


class Memory(Struct):
    """Memory numbers; `usage` holds the page cache too. Zeroes are omitted."""

    usage: Counter | None = None
    max_usage: Counter | None = None
    failcnt: Counter | None = None
    stats: MemoryDetails | None = None


class BlockRow(Struct, gc=False):
    """One device's counter; `op` is "Read" on cgroup v1 and "read" on v2."""

    major: Counter
    minor: Counter
    op: str
    value: Counter


class Blocks(Struct):
    """Block device counters."""

    io_service_bytes_recursive: list[BlockRow] | None = None
    io_serviced_recursive: list[BlockRow] | None = None


class Interface(Struct, gc=False):
    """Counters of one network interface."""

    rx_bytes: Counter = 0
    rx_packets: Counter = 0
    rx_errors: Counter = 0
    rx_dropped: Counter = 0
    tx_bytes: Counter = 0
    tx_packets: Counter = 0
    tx_errors: Counter = 0
    tx_dropped: Counter = 0


class Pids(Struct, gc=False):
    """Processes and threads; a limit of 2^64-1 is none, and no counter of ours holds it."""

    current: Counter | None = None
    limit: int | None = None


class Stats(Struct):
    """`GET /containers/{id}/stats`; `read` is in year 1 when the container does not run."""

    read: str = ""
    cpu_stats: Cpu = field(default_factory=Cpu)
    memory_stats: Memory = field(default_factory=Memory)
    blkio_stats: Blocks = field(default_factory=Blocks)
    pids_stats: Pids = field(default_factory=Pids)
    networks: dict[str, Interface] | None = None


STATS = Decoder(Stats)
