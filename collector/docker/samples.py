"""From an engine's stats to a sample, with cAdvisor's meaning for each number. Pure."""

from __future__ import annotations

from collector.docker import wire_stats as wire
from registry.facts import BlockSample, ContainerSample, NetworkSample

# cgroup v1 and v2; v1's Sync, Async and Total tell the same bytes again.
_OPERATIONS = {"Read": "Read", "Write": "Write", "read": "Read", "write": "Write"}
_NOT_RUNNING = "0001-"
_NO_DETAILS = wire.MemoryDetails()


def container_sample(
    container_id: str, stats: wire.Stats, received_at: float
) -> ContainerSample | None:
    """Return the numbers of a running container, None of one that does not run."""
    if stats.read.startswith(_NOT_RUNNING):
        return None
    usage, throttling = stats.cpu_stats.cpu_usage, stats.cpu_stats.throttling_data
    memory = stats.memory_stats
    working_set, rss, cache = _memory(memory)
    return ContainerSample(
        container_id=container_id,
        received_at=received_at,
        cpu_total_ns=usage.total_usage,
        cpu_user_ns=usage.usage_in_usermode,
        cpu_system_ns=usage.usage_in_kernelmode,
        cfs_periods=throttling.periods,
        cfs_throttled_periods=throttling.throttled_periods,
        cfs_throttled_ns=throttling.throttled_time,
        memory_usage_bytes=memory.usage,
        memory_working_set_bytes=working_set,
        memory_rss_bytes=rss,
        memory_cache_bytes=cache,
        memory_max_usage_bytes=memory.max_usage,
        memory_failures=_memory_failures(memory),
        pids=stats.pids_stats.current,
        networks=_networks(stats.networks) if stats.networks else (),
        blocks=_blocks(stats.blkio_stats),
    )


def _memory(memory: wire.Memory) -> tuple[int | None, int | None, int | None]:
    """Return working set, resident set and page cache; cgroup v1 and v2 spell them differently.

    Working set as cAdvisor has it: usage without the inactive file cache, which the kernel frees
    before it kills.
    """
    details = memory.stats or _NO_DETAILS
    v1 = details.total_inactive_file is not None
    inactive = details.total_inactive_file if v1 else details.inactive_file
    rss = details.total_rss if v1 else details.anon
    cache = details.total_cache if v1 else details.file
    if memory.usage is None or inactive is None:
        return None, rss, cache
    return max(memory.usage - inactive, 0), rss, cache


def _memory_failures(memory: wire.Memory) -> int | None:
    """Return how often the limit was hit: cgroup v1 counts it, and the engine omits its zero."""
    if memory.failcnt is None and memory.max_usage is not None:
        return 0
    return memory.failcnt


def _networks(interfaces: dict[str, wire.Interface]) -> tuple[NetworkSample, ...]:
    return tuple(
        [
            NetworkSample(
                name,
                counters.rx_bytes,
                counters.rx_packets,
                counters.rx_errors,
                counters.rx_dropped,
                counters.tx_bytes,
                counters.tx_packets,
                counters.tx_errors,
                counters.tx_dropped,
            )
            for name, counters in interfaces.items()
        ]
    )


def _blocks(blocks: wire.Blocks) -> tuple[BlockSample, ...]:
    """Join bytes and operations of each device; cgroup v2 engines give no operations."""
    if not blocks.io_service_bytes_recursive:
        return ()
    operations = {
        (row.major, row.minor, row.op): row.value for row in blocks.io_serviced_recursive or ()
    }
    return tuple(
        [
            BlockSample(
                row.major,
                row.minor,
                _OPERATIONS[row.op],
                row.value,
                operations.get((row.major, row.minor, row.op)),
            )
            for row in blocks.io_service_bytes_recursive
            if row.op in _OPERATIONS
        ]
    )
