"""What a scrape asks of a node and learns of it: its engine, disk, events, and its containers.

Times are aware datetimes in UTC; durations are seconds; sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from registry.facts.containers import ContainerFacts, ContainerSample
from registry.facts.credentials import Credential
from registry.facts.outcomes import Cost, Failure


class SwarmRole(StrEnum):
    """The part that an engine plays in a swarm; `none` where it is in none."""

    NONE = "none"
    WORKER = "worker"
    MANAGER = "manager"


class DiskKind(StrEnum):
    """What takes room on an engine's disk."""

    IMAGES = "images"
    CONTAINERS = "containers"
    VOLUMES = "volumes"
    BUILD_CACHE = "build_cache"


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What `GET /version` and `GET /info` say of one engine (Docker Engine API 1.41 … 1.52)."""

    engine_id: str
    hostname: str
    version: str
    api_version: str
    operating_system: str
    architecture: str
    kernel_version: str
    storage_driver: str
    cgroup_version: str
    cpus: int
    memory_bytes: int
    warnings: tuple[str, ...] = ()
    swarm_role: SwarmRole = SwarmRole.NONE


@dataclass(frozen=True, slots=True)
class DiskUse:
    """What things of one kind take; `reclaimable_bytes` of it belong to those that nobody uses."""

    count: int
    active: int
    total_bytes: int
    reclaimable_bytes: int


@dataclass(frozen=True, slots=True)
class DiskUsage:
    """What `GET /system/df` said last, as of `measured_at` (the collector's Unix time; 0: never).

    `failure` is why the question after that got no answer.
    """

    measured_at: float = 0.0
    uses: Mapping[DiskKind, DiskUse] = field(default_factory=dict)
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """Something the engine reports as having happened, from `GET /events`.

    `action` is the engine's word ("die", "oom", "health_status: unhealthy"); `time_nano` its clock.
    """

    time_nano: int
    kind: str
    action: str
    container_id: str
    name: str
    image: str
    exit_code: int | None = None

    @property
    def key(self) -> str:
        """What tells two events of one nanosecond apart."""
        return f"{self.kind}:{self.container_id}:{self.action}"


@dataclass(frozen=True, slots=True)
class EventCursor:
    """How far a node's events were read: the last event's own nanosecond.

    `keys` tells those apart that were read close before it; none: the engine held no event then.
    """

    time_nano: int
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeQuestion:
    """One scrape to make. `time_limit` is seconds for the whole of it, `max_bytes` for each response.

    `host_key` is the one key that an ssh:// node may show, as a line of OpenSSH's `known_hosts`
    without the host.
    """

    node_id: int
    name: str
    docker_url: str
    time_limit: float
    max_bytes: int
    cursor: EventCursor | None = None
    credential: Credential | None = None
    host_key: str = ""


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """All that one scrape learned of a node.

    `containers` is every container, stopped ones too; `events` are new since the question's cursor,
    oldest first; `cursor` is where the next scrape goes on. `events_lost` says that the engine no
    longer holds events between the old cursor and the first of these. `certificate` is DER: what the
    engine itself showed over TLS, empty without.
    """

    engine: EngineFacts
    containers: tuple[ContainerFacts, ...]
    samples: tuple[ContainerSample, ...]
    events: tuple[EngineEvent, ...]
    cursor: EventCursor | None
    events_lost: bool
    received_at: float
    cost: Cost = field(default_factory=Cost)
    disk: DiskUsage | None = None
    certificate: bytes = b""
