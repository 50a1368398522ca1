"""Every metric of the product, declared once: name, type, help, labels, unit and where it comes from.

A page renders its families in the order of declaration. `container_*` and `machine_*` are cAdvisor's
names with cAdvisor's meaning; our own begin with `vsa_`. `docs/metrics.md` is made from this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Kind = Literal["counter", "gauge", "untyped"]


@dataclass(frozen=True, eq=False)
class Family:
    """One metric: its series share name, type and help, and carry `labels` at most."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...]
    unit: str
    source: str

    @cached_property
    def header(self) -> str:
        """The comment lines above its series (text format 0.0.4)."""
        return f"# HELP {self.name} {self.help}\n# TYPE {self.name} {self.kind}\n"


@dataclass(frozen=True)
class Group:
    """Families of one source that share labels; declares them into a page's list."""

    page: list[Family]
    source: str
    labels: tuple[str, ...]

    def gauge(self, name: str, text: str, *labels: str, unit: str = "") -> Family:
        """Declare a number that goes up and down."""
        return self.declare("gauge", name, text, labels, unit)

    def counter(self, name: str, text: str, *labels: str, unit: str = "") -> Family:
        """Declare a number that rises, or begins anew at zero."""
        return self.declare("counter", name, text, labels, unit)

    def declare(
        self, kind: Kind, name: str, text: str, labels: tuple[str, ...] = (), unit: str = ""
    ) -> Family:
        """Declare a family; `unit` is given where the name does not hold it."""
        held = next((word for word in ("seconds", "bytes") if word in name.split("_")), "")
        family = Family(name, kind, text, self.labels + labels, unit or held, self.source)
        self.page.append(family)
        return family


FLEET: list[Family] = []
NODE: list[Family] = []

# ---------------------------------------------------------------------------- /metrics: the programs

_exporter = Group(FLEET, "exporter", ())
BUILD_INFO = _exporter.gauge("vsa_build_info", "Version of the exporter.", "version")

_collector = Group(FLEET, "collector's heartbeat", ("collector",))
COLLECTOR_HEARTBEAT = _collector.gauge(
    "vsa_collector_heartbeat_timestamp_seconds", "Last sign of life."
)
COLLECTOR_START_TIME = _collector.gauge("vsa_collector_start_time_seconds", "When it started.")
COLLECTOR_INFO = _collector.gauge("vsa_collector_info", "Version of the collector.", "version")
COLLECTOR_PROBES = _collector.counter("vsa_collector_probes_total", "Probes made.")
COLLECTOR_FAILURES = _collector.counter(
    "vsa_collector_probe_failures_total", "Probes without an answer."
)
COLLECTOR_DISCARDED = _collector.counter(
    "vsa_collector_discarded_results_total", "Results that came after their lease had ended."
)
COLLECTOR_CPU = _collector.counter("vsa_collector_cpu_seconds_total", "CPU time used.")
COLLECTOR_MEMORY = _collector.gauge("vsa_collector_resident_memory_bytes", "Resident memory.")

_schedule = Group(FLEET, "schedule", ())
OVERDUE_TARGETS = _schedule.gauge(
    "vsa_schedule_overdue_targets", "Targets due that no collector asks."
)
LATENESS = _schedule.gauge("vsa_schedule_lateness_seconds", "Since when the oldest of them is due.")

_audit = Group(FLEET, "audit trail", ())
AUDIT_HEAD = _audit.gauge("vsa_audit_head_info", "Hash of the newest audit entry.", "hash")
AUDIT_ENTRIES = _audit.counter("vsa_audit_entries_total", "Audit entries written.")

# ---------------------------------------------------------------------------- /metrics: nodes

_node = Group(FLEET, "scrape of the node", ("node",))
NODE_UP = _node.gauge("vsa_node_up", "1 where the last scrape succeeded and its data is fresh.")
NODE_FAILURE = _node.gauge(
    "vsa_node_failure", "1 at the reason why the last scrape failed.", "reason"
)
NODE_LAST_SUCCESS = _node.gauge(
    "vsa_node_last_success_timestamp_seconds", "Last scrape that succeeded."
)
NODE_CONSECUTIVE_FAILURES = _node.gauge(
    "vsa_node_consecutive_failures", "Failed scrapes since the last success."
)
NODE_SCRAPES = _node.counter("vsa_node_scrapes_total", "Scrapes made.")
NODE_SCRAPE_FAILURES = _node.counter("vsa_node_scrape_failures_total", "Scrapes that failed.")
NODE_GAPS = _node.counter(
    "vsa_node_gaps_total", "Gaps in the node's history: state not seen, or events lost.", "kind"
)
NODE_SCRAPE_PHASE = _node.gauge(
    "vsa_node_scrape_phase_seconds", "Duration of the last scrape.", "phase"
)
NODE_SCRAPE_REQUESTS = _node.gauge("vsa_node_scrape_requests", "Requests of the last scrape.")
NODE_SCRAPE_BYTES = _node.gauge(
    "vsa_node_scrape_received_bytes", "Bytes received in the last scrape."
)
NODE_SCRAPE_CPU = _node.gauge(
    "vsa_node_scrape_cpu_seconds",
    "CPU time that the last scrape took of the collector; TLS, SSH and the database left out.",
)

_engine = Group(FLEET, "GET /version, GET /info", ("node",))
NODE_ENGINE = _engine.gauge(
    "vsa_node_engine_info",
    "What the engine says of itself.",
    *("version", "api_version", "operating_system", "kernel_version", "architecture"),
    *("storage_driver", "cgroup_version", "swarm_role"),
)
NODE_WARNINGS = _engine.gauge(
    "vsa_node_engine_warnings", "Warnings that the engine gives; `vsa node show` has their text."
)
NODE_DUPLICATE = _engine.gauge(
    "vsa_node_duplicate_engine",
    "1 where another node has the same engine id: named twice, or a cloned machine.",
)

_disk = Group(FLEET, "GET /system/df, where VSA_DISK_USAGE_INTERVAL is set", ("node",))
NODE_DISK_TIME = _disk.gauge(
    "vsa_node_disk_measured_timestamp_seconds", "When the engine said what fills its disk."
)
NODE_DISK_USAGE = _disk.gauge(
    "vsa_node_disk_usage_bytes", "What things of that kind take; layers are counted once.", "kind"
)
NODE_DISK_RECLAIMABLE = _disk.gauge(
    "vsa_node_disk_reclaimable_bytes", "What of it belongs to things that nobody uses.", "kind"
)
NODE_DISK_OBJECTS = _disk.gauge("vsa_node_disk_objects", "Things of that kind.", "kind")

_node_containers = Group(FLEET, "GET /containers/json", ("node",))
NODE_CONTAINERS = _node_containers.gauge(
    "vsa_node_containers", "Containers, stopped ones too; absent while the data is stale.", "state"
)

_events = Group(FLEET, "GET /events", ("node",))
CONTAINER_EVENTS = _events.counter(
    "vsa_container_events_total",
    "Events by container name; kept while the node is away.",
    *("name", "event"),
)
CONTAINER_DEATHS = _events.counter(
    "vsa_container_deaths_total",
    "Ends by container name and exit code: success (0), error (to 128), signal (above).",
    *("name", "exit"),
)

# ---------------------------------------------------------------------------- /metrics: domains

_registered = Group(FLEET, "registry", ("domain", "port", "server_name"))
DOMAIN_INFO = _registered.gauge(
    "vsa_domain_info",
    "The node and the container that serve it; without the label where none was named.",
    *("node", "container"),
)

_domain = Group(FLEET, "TLS probe", ("domain", "port", "server_name"))
DOMAIN_FAILURE = _domain.gauge(
    "vsa_domain_failure", "1 at the reason why no address answered.", "reason"
)
DOMAIN_LAST_SUCCESS = _domain.gauge(
    "vsa_domain_last_success_timestamp_seconds", "Last time at least one address answered."
)
DOMAIN_CONSECUTIVE_FAILURES = _domain.gauge(
    "vsa_domain_consecutive_failures", "Failed probes since the last success."
)
DOMAIN_PROBES = _domain.counter("vsa_domain_probes_total", "Probes made.")
DOMAIN_PROBE_FAILURES = _domain.counter(
    "vsa_domain_probe_failures_total", "Probes that no address answered."
)

_endpoint = Group(FLEET, "TLS probe", ("domain", "address", "port", "server_name"))
ENDPOINT_VERDICT = _endpoint.gauge(
    "vsa_endpoint_verdict", "1 at what verification last said of the certificate.", "verdict"
)
ENDPOINT_FAILURE = _endpoint.gauge(
    "vsa_endpoint_failure", "1 at the reason why the last probe got no answer.", "reason"
)
ENDPOINT_LAST_SUCCESS = _endpoint.gauge(
    "vsa_endpoint_last_success_timestamp_seconds", "Last handshake that showed a certificate."
)
ENDPOINT_DURATION = _endpoint.gauge(
    "vsa_endpoint_probe_duration_seconds", "Duration of the last probe."
)
ENDPOINT_TLS = _endpoint.gauge(
    "vsa_endpoint_tls_info", "What the last handshake agreed on.", "tls_version", "cipher", "alpn"
)
ENDPOINT_CHAIN_NOT_AFTER = _endpoint.gauge(
    "vsa_endpoint_chain_not_after_timestamp_seconds",
    "Earliest end of validity in the verified chain; absent where nothing was verified.",
)

_certificate = Group(FLEET, "TLS probe", (*_endpoint.labels, "fingerprint_sha256"))
CERTIFICATE_NOT_BEFORE = _certificate.gauge(
    "vsa_certificate_not_before_timestamp_seconds", "Begin of validity, whatever the verdict."
)
CERTIFICATE_NOT_AFTER = _certificate.gauge(
    "vsa_certificate_not_after_timestamp_seconds", "End of validity, whatever the verdict."
)
CERTIFICATE_INFO = _certificate.gauge(
    "vsa_certificate_info", "Names on the certificate.", "subject", "issuer", "serial_number"
)

# ---------------------------------------------------------------------------- a node's page

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
