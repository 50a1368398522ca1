"""What a scrape learns of a container: its state, and its newest numbers.

Times are aware datetimes in UTC; durations are seconds; sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class ContainerState(StrEnum):
    """State of a container as the Docker API names it (Podman's `stopped` and `configured` are mapped)."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"


class Health(StrEnum):
    """Outcome of a container's own health check; `none` where it has none."""

    NONE = "none"
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


# Container labels that are kept unless a setting says otherwise: others may hold secrets, or a new
# value at each deployment, and would go into every metric of the container.
USUAL_LABELS = (
    "com.docker.compose.project",
    "com.docker.compose.service",
    "org.opencontainers.image.version",
    "org.opencontainers.image.revision",
    "org.opencontainers.image.source",
)


@dataclass(frozen=True, slots=True)
class Port:
    """A container's port; `public_port` and `address` are None where it is not published."""

    private_port: int
    protocol: str
    public_port: int | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Mount:
    """A container's mount; `name` is the volume's, None for a bind mount."""

    kind: str
    source: str
    destination: str
    writable: bool
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What the engine grants a container; 0 means no limit, as in the API's HostConfig."""

    memory_bytes: int = 0
    memory_reservation_bytes: int = 0
    memory_swap_bytes: int = 0
    cpu_shares: int = 0
    cpu_quota: int = 0
    cpu_period: int = 0
    nano_cpus: int = 0


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """A container's state: what a snapshot holds and what, when it differs, makes a new one.

    Holds nothing that changes by itself from one scrape to the next (the list's `Status` text).
    `labels` are those that are allowed; `image_digest` is the one by which a registry knows the image,
    None where none does; `health_output` is what the check said as the container became unhealthy.
    """

    container_id: str
    name: str
    image: str
    image_id: str
    state: ContainerState
    health: Health = Health.NONE
    exit_code: int | None = None
    oom_killed: bool = False
    error: str = ""
    restart_count: int = 0
    restart_policy: str = ""
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[Port, ...] = ()
    mounts: tuple[Mount, ...] = ()
    networks: tuple[str, ...] = ()
    limits: Limits = Limits()
    image_digest: str | None = None
    health_output: str | None = None


@dataclass(slots=True)
class NetworkSample:
    """Counters of one interface since the container started."""

    interface: str
    receive_bytes: int
    receive_packets: int
    receive_errors: int
    receive_dropped: int
    transmit_bytes: int
    transmit_packets: int
    transmit_errors: int
    transmit_dropped: int


@dataclass(slots=True)
class BlockSample:
    """Bytes and operations of one block device; `operation` is Read or Write, as cAdvisor writes it.

    Engines on cgroup v2 count no operations: None.
    """

    major: int
    minor: int
    operation: str
    bytes_total: int
    operations_total: int | None


@dataclass(slots=True)
class ContainerSample:
    """One container's newest numbers, from `GET /containers/{id}/stats?one-shot=1&stream=0`.

    `received_at` is the collector's Unix time in seconds: engine clocks lie. CPU counters are
    nanoseconds since the start; a number the engine does not give is None, never a zero. A
    `pids_limit` of 0 is none.
    """

    container_id: str
    received_at: float
    cpu_total_ns: int | None = None
    cpu_user_ns: int | None = None
    cpu_system_ns: int | None = None
    cfs_periods: int | None = None
    cfs_throttled_periods: int | None = None
    cfs_throttled_ns: int | None = None
    memory_usage_bytes: int | None = None
    memory_working_set_bytes: int | None = None
    memory_rss_bytes: int | None = None
    memory_cache_bytes: int | None = None
    memory_max_usage_bytes: int | None = None
    memory_failures: int | None = None
    pids: int | None = None
    pids_limit: int | None = None
    memory_swap_bytes: int | None = None
    memory_mapped_bytes: int | None = None
    memory_active_file_bytes: int | None = None
    memory_inactive_file_bytes: int | None = None
    page_faults: int | None = None
    major_page_faults: int | None = None
    networks: tuple[NetworkSample, ...] = ()
    blocks: tuple[BlockSample, ...] = ()
