"""The metrics of `/metrics/nodes/{name}`: a machine and its containers."""

from __future__ import annotations

from exporter.families.family import Family, Group

NODE: list[Family] = []

_machine = Group(NODE, "GET /info", ())
MACHINE_CORES = _machine.gauge("machine_cpu_cores", "Logical CPU cores.")
MACHINE_MEMORY = _machine.gauge("machine_memory_bytes", "Memory of the machine.")

_CONTAINER = ("id", "name", "image", "container_label_*")

# Of stopped containers too, which cAdvisor does not know.
_container = Group(NODE, "GET /containers/json, GET /containers/{id}/json", _CONTAINER)
CONTAINER_STATE = _container.gauge("vsa_container_state", "1 at the container's state.", "state")
CONTAINER_RESTARTS = _container.gauge(
    "vsa_container_restarts", "Restarts since it was started by hand."
)
CONTAINER_EXIT_CODE = _container.gauge(
    "vsa_container_exit_code", "Exit code, while it is not running."
)
CONTAINER_HEALTH = _container.gauge(
    "vsa_container_health", "1 at the outcome of its check.", "health"
)

CONTAINER_IMAGE = _container.gauge(
    "vsa_container_image_info",
    "Which image it runs; the digest is a registry's, and absent where none knows the image.",
    *("image_id", "image_digest"),
)

# docker_state_exporter's names; its restart count is a counter there, which a recreated one breaks.
STATE_STATUS = _container.gauge("container_state_status", "1 at the container's state.", "status")
STATE_HEALTH = _container.gauge(
    "container_state_health_status",
    "1 at the outcome of its check; without a check, none alone.",
    "status",
)
STATE_OOM = _container.gauge("container_state_oomkilled", "1 where it was out of memory.")
STATE_STARTED = _container.gauge(
    "container_state_startedat", "When it was started; 0 is never.", unit="seconds"
)
STATE_FINISHED = _container.gauge(
    "container_state_finishedat", "When it ended last; 0 is never.", unit="seconds"
)
RESTART_COUNT = _container.gauge("container_restartcount", "Restarts since it was started by hand.")

# Of containers with a cgroup (running or paused) only, as cAdvisor does.
LAST_SEEN = _container.gauge("container_last_seen", "Last time it was seen.", unit="seconds")
HEALTH_STATE = _container.gauge(
    "container_health_state", "Health check: 1 healthy, 0 starting or unhealthy, -1 none."
)
START_TIME = _container.gauge("container_start_time_seconds", "When it was started.")
CREATION_TIME = _container.gauge("container_creation_time_seconds", "When it was created.")
SPEC_CPU_PERIOD = _container.gauge(
    "container_spec_cpu_period", "Period of the CPU quota.", unit="microseconds"
)
SPEC_CPU_QUOTA = _container.gauge(
    "container_spec_cpu_quota", "CPU time in a period; absent without a limit.", unit="microseconds"
)
SPEC_CPU_SHARES = _container.gauge(
    "container_spec_cpu_shares", "Weight of its CPU use among others."
)
SPEC_MEMORY = _container.gauge("container_spec_memory_limit_bytes", "Memory limit; 0 is none.")
SPEC_SWAP = _container.gauge(
    "container_spec_memory_swap_limit_bytes", "Memory and swap limit; 0 is none."
)
SPEC_RESERVATION = _container.gauge(
    "container_spec_memory_reservation_limit_bytes", "Memory reservation; 0 is none."
)

_oom = Group(NODE, "GET /events", _CONTAINER)
OOM_EVENTS = _oom.counter(
    "container_oom_events_total", "Times that containers of its name were out of memory."
)

_stats = Group(NODE, "GET /containers/{id}/stats", _CONTAINER)
CPU_USAGE = _stats.counter(
    "container_cpu_usage_seconds_total", "CPU time used on all cores.", "cpu"
)
CPU_USER = _stats.counter("container_cpu_user_seconds_total", "CPU time used in user mode.")
CPU_SYSTEM = _stats.counter("container_cpu_system_seconds_total", "CPU time used in kernel mode.")
CFS_PERIODS = _stats.counter(
    "container_cpu_cfs_periods_total", "Periods of the CPU quota; absent without a limit."
)
CFS_THROTTLED_PERIODS = _stats.counter(
    "container_cpu_cfs_throttled_periods_total", "Periods in which it was throttled."
)
CFS_THROTTLED = _stats.counter(
    "container_cpu_cfs_throttled_seconds_total", "Time for which it was throttled."
)
MEMORY_USAGE = _stats.gauge("container_memory_usage_bytes", "Memory used, page cache included.")
MEMORY_WORKING_SET = _stats.gauge(
    "container_memory_working_set_bytes", "Memory used without what the kernel can drop at once."
)
MEMORY_RSS = _stats.gauge("container_memory_rss", "Anonymous memory.", unit="bytes")
MEMORY_CACHE = _stats.gauge("container_memory_cache", "Page cache.", unit="bytes")
MEMORY_SWAP = _stats.gauge("container_memory_swap", "Memory swapped out; cgroup v1.", unit="bytes")
MEMORY_MAPPED = _stats.gauge("container_memory_mapped_file", "Files in memory.", unit="bytes")
MEMORY_ACTIVE_FILE = _stats.gauge(
    "container_memory_total_active_file_bytes", "Page cache that was used lately."
)
MEMORY_INACTIVE_FILE = _stats.gauge(
    "container_memory_total_inactive_file_bytes", "Page cache that the kernel can drop at once."
)
MEMORY_MAX = _stats.gauge("container_memory_max_usage_bytes", "Most memory ever used.")
# A counter by nature; as such promtool refuses cAdvisor's name, which has no _total.
MEMORY_FAILURES = _stats.declare(
    "untyped", "container_memory_failcnt", "Times the memory limit was hit, rising."
)
MEMORY_FAULTS = _stats.counter(
    "container_memory_failures_total",
    "Page faults, and those that had to read the disk.",
    *("failure_type", "scope"),
)
THREADS = _stats.gauge("container_threads", "Threads running in it.")
THREADS_MAX = _stats.gauge("container_threads_max", "Threads that it may have; 0 is any number.")

_network = Group(NODE, _stats.source, (*_CONTAINER, "interface"))
RECEIVE_BYTES = _network.counter("container_network_receive_bytes_total", "Bytes received.")
RECEIVE_PACKETS = _network.counter("container_network_receive_packets_total", "Packets received.")
RECEIVE_ERRORS = _network.counter("container_network_receive_errors_total", "Errors, receiving.")
RECEIVE_DROPPED = _network.counter(
    "container_network_receive_packets_dropped_total", "Packets dropped, receiving."
)
TRANSMIT_BYTES = _network.counter("container_network_transmit_bytes_total", "Bytes sent.")
TRANSMIT_PACKETS = _network.counter("container_network_transmit_packets_total", "Packets sent.")
TRANSMIT_ERRORS = _network.counter("container_network_transmit_errors_total", "Errors, sending.")
TRANSMIT_DROPPED = _network.counter(
    "container_network_transmit_packets_dropped_total", "Packets dropped, sending."
)

# The API knows a device by its numbers, so `device` is "major:minor" where cAdvisor has a path.
_device = Group(NODE, _stats.source, (*_CONTAINER, "device"))
READ_BYTES = _device.counter("container_fs_reads_bytes_total", "Bytes read.")
WRITTEN_BYTES = _device.counter("container_fs_writes_bytes_total", "Bytes written.")
READS = _device.counter("container_fs_reads_total", "Reads; cgroup v1.")
WRITES = _device.counter("container_fs_writes_total", "Writes; cgroup v1.")
DEVICE_BYTES = _device.counter(
    "container_blkio_device_usage_total",
    "Bytes moved, by operation.",
    *("major", "minor", "operation"),
    unit="bytes",
)
