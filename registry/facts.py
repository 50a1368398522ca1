"""The words every room shares: closed sets and the typed facts that probes return.

Standard library only, so that the asking code depends on nothing that stores.
Times are aware datetimes in UTC; durations are seconds; sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

# ---------------------------------------------------------------------------- closed sets


class FailureReason(StrEnum):
    """Why a probe got no answer."""

    DNS = "dns"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TOO_LARGE = "too_large"
    TLS = "tls"
    AUTH = "auth"
    FORBIDDEN = "forbidden"
    PROTOCOL = "protocol"
    VERSION = "version"
    HOST_KEY = "host_key"
    INTERNAL = "internal"


class Verdict(StrEnum):
    """What verification says of a certificate, most pressing first.

    Several faults can hold at once; the first of this order is the primary one. `ok` stands last:
    it is the verdict only when nothing else is.
    """

    REVOKED = "revoked"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    HOSTNAME_MISMATCH = "hostname_mismatch"
    SELF_SIGNED = "self_signed"
    UNKNOWN_AUTHORITY = "unknown_authority"
    INCOMPLETE_CHAIN = "incomplete_chain"
    WEAK = "weak"
    OK = "ok"


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


class StartTls(StrEnum):
    """Protocols that are asked to turn to TLS before the handshake; `none` speaks TLS at once."""

    NONE = "none"
    SMTP = "smtp"
    LMTP = "lmtp"
    IMAP = "imap"
    POP3 = "pop3"
    FTP = "ftp"
    LDAP = "ldap"
    POSTGRES = "postgres"
    MYSQL = "mysql"


@dataclass(frozen=True, slots=True)
class Failure:
    """One reason of the closed set and a sentence for the person who reads it; never a secret."""

    reason: FailureReason
    detail: str


@dataclass(frozen=True, slots=True)
class HostKeyFailure(Failure):
    """A host key that is not the registered one; `shown` is the key, as OpenSSH writes it."""

    shown: str


# ---------------------------------------------------------------------------- Docker

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


# Samples are not frozen: that would take three times as long to make, and a scrape makes dozens.


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
class Cost:
    """What one probe took: requests, bytes received, seconds by phase, and CPU of ours."""

    requests: int = 0
    received_bytes: int = 0
    phase_seconds: Mapping[str, float] = field(default_factory=dict)
    cpu_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class TlsCredential:
    """What is trusted in engines and shown to them over TLS, each PEM; no `ca`: the system's."""

    ca: str = ""
    certificate: str = ""
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SshCredential:
    """The private key that sshd knows us by, in OpenSSH's or another PEM form."""

    private_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class UnusableCredential:
    """A credential that could not be opened, and why."""

    why: str


Secret = TlsCredential | SshCredential
Credential = Secret | UnusableCredential


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
    longer holds events between the old cursor and the first of these.
    """

    engine: EngineFacts
    containers: tuple[ContainerFacts, ...]
    samples: tuple[ContainerSample, ...]
    events: tuple[EngineEvent, ...]
    cursor: EventCursor | None
    events_lost: bool
    received_at: float
    cost: Cost = Cost()
    disk: DiskUsage | None = None


# ---------------------------------------------------------------------------- TLS


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """One X.509 leaf. What the parser refuses is still a fact: `parse_error` says why, the rest is empty.

    `fingerprint` is the SHA-256 of `der` in lower-case hex; names are RFC 4514 strings; `sans` holds
    DNS names and IP addresses as text; `serial_number` is lower-case hex.
    """

    fingerprint: str
    der: bytes
    subject: str = ""
    issuer: str = ""
    serial_number: str = ""
    sans: tuple[str, ...] = ()
    not_before: datetime | None = None
    not_after: datetime | None = None
    key_type: str = ""
    key_bits: int | None = None
    signature_algorithm: str = ""
    parse_error: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing verification found wrong; `x509_code` is OpenSSL's X509_V_ERR number where it has one."""

    verdict: Verdict
    detail: str
    x509_code: int | None = None


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """What one handshake showed, whatever the verdict.

    `chain` is DER as the server sent it, leaf first. `faults` is empty when the verdict is ok.
    `chain_not_after` is the earliest end of validity in the verified chain, None when there is none.
    """

    certificate: CertificateFacts
    chain: tuple[bytes, ...]
    verdict: Verdict
    faults: tuple[Fault, ...]
    tls_version: str
    cipher: str
    alpn: str = ""
    chain_not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class EndpointOutcome:
    """One address of a domain: exactly one of `facts` and `failure` is set."""

    address: str
    port: int
    seconds: float
    facts: EndpointFacts | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class DomainQuestion:
    """One domain to look at. `server_name` is the SNI and the name that the certificate must hold."""

    domain_id: int
    name: str
    port: int
    starttls: StartTls
    server_name: str
    time_limit: float


@dataclass(frozen=True, slots=True)
class DomainFacts:
    """Every address of a domain as resolved now, asked; never empty."""

    endpoints: tuple[EndpointOutcome, ...]
    cost: Cost = Cost()
