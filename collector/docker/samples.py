"""From an engine's stats to a sample, with cAdvisor's meaning for each number. Pure."""

from __future__ import annotations

from collector.docker import wire_stats as wire
from registry.facts.containers import BlockSample, ContainerSample, NetworkSample

# cgroup v1 and v2; v1's Sync, Async and Total tell the same bytes again.
_OPERATIONS = {"Read": "Read", "Write": "Write", "read": "Read", "write": "Write"}
_NOT_RUNNING = "0001-"
_NO_DETAILS = wire.MemoryDetails()
_UNLIMITED = 1 << 63


def container_sample(
    container_id: str, stats: wire.Stats, received_at: float
) -> ContainerSample | None:
    """Return the numbers of a running container, None of one that does not run."""
    if stats.read.startswith(_NOT_RUNNING):
        return None
    usage, throttling = stats.cpu_stats.cpu_usage, stats.cpu_stats.throttling_data
    memory = stats.memory_stats
    details = _memory_details(memory.stats or _NO_DETAILS)
    rss, cache, mapped, active_file, inactive_file, swap, page_faults, major_page_faults = details
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
        memory_working_set_bytes=_working_set(memory.usage, inactive_file),
        memory_rss_bytes=rss,
        memory_cache_bytes=cache,
        memory_max_usage_bytes=memory.max_usage,
        memory_failures=_memory_failures(memory),
        pids=stats.pids_stats.current,
        pids_limit=_limit(stats.pids_stats.limit),
        memory_swap_bytes=swap,
        memory_mapped_bytes=mapped,
        memory_active_file_bytes=active_file,
        memory_inactive_file_bytes=inactive_file,
        page_faults=page_faults,
        major_page_faults=major_page_faults,
        networks=_networks(stats.networks) if stats.networks else (),
        blocks=_blocks(stats.blkio_stats),
    )


def _memory_details(stat: wire.MemoryDetails) -> tuple[int | None, ...]:
    """Return resident set, page cache, mapped and active and inactive files, swap, page faults.

    cgroup v1 and v2 spell them differently, and v2 tells no swap here.
    """
    if stat.total_inactive_file is None:
        return (
            stat.anon,
            stat.file,
            stat.file_mapped,
            stat.active_file,
            stat.inactive_file,
            None,
            stat.pgfault,
            stat.pgmajfault,
        )
    return (
        stat.total_rss,
        stat.total_cache,
        stat.total_mapped_file,
        stat.total_active_file,
        stat.total_inactive_file,
        stat.total_swap,
        stat.total_pgfault,
        stat.total_pgmajfault,
    )


def _working_set(usage: int | None, inactive_file: int | None) -> int | None:
    """Return usage without the inactive file cache, which the kernel frees before it kills."""
    if usage is None or inactive_file is None:
        return None
    return max(usage - inactive_file, 0)


def _limit(pids: int | None) -> int | None:
    """Return how many threads there may be; 0 is no limit, as cAdvisor writes it."""
    return pids if pids is None or pids < _UNLIMITED else 0


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
