"""The engine's JSON as typed structs: of each document exactly the fields that are read.

Docker Engine API 1.41 … 1.52 and Podman's compatible API. What Go leaves nil arrives as null, what
it omits as nothing, so nearly every field has a default.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

from msgspec import Meta, MsgspecError, Struct, field
from msgspec.json import Decoder

from collector.docker.failures import Failed
from registry.facts.outcomes import FailureReason

# PostgreSQL's bigint: no engine counts further, and a hostile number must not get that far.
Int64 = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
Counter = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
PortNumber = Annotated[int, Meta(ge=0, le=65535)]
# The id goes into the path of the next request.
ContainerId = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]

# ---------------------------------------------------------------------------- the engine


class Version(Struct, rename="pascal"):
    """`GET /version`."""

    version: str = ""
    api_version: str = ""
    min_api_version: str = field(default="", name="MinAPIVersion")
    components: list[Component] | None = None


class Component(Struct, rename="pascal"):
    """One program of the engine; Podman's is named "Podman Engine"."""

    name: str = ""


class Swarm(Struct, rename="pascal", gc=False):
    """Whether the engine is in a swarm, and whether it may decide there."""

    local_node_state: str = ""
    control_available: bool = False


class Info(Struct, rename="pascal"):
    """`GET /info`."""

    id: str = field(default="", name="ID")
    name: str = ""
    server_version: str = ""
    operating_system: str = ""
    architecture: str = ""
    kernel_version: str = ""
    driver: str = ""
    cgroup_version: str = ""
    cpus: Int64 = field(default=0, name="NCPU")
    memory_bytes: Int64 = field(default=0, name="MemTotal")
    warnings: list[str] | None = None
    system_time: str = ""
    swarm: Swarm | None = None


class Image(Struct, rename="pascal", gc=False):
    """One image of `GET /images/json`; a repository's digest reads "nginx@sha256:…"."""

    id: str
    repo_digests: list[str] | None = None


# ---------------------------------------------------------------------------- containers


class PortRow(Struct, rename="pascal", gc=False):
    """A container's port in the list."""

    private_port: PortNumber
    type: str = "tcp"
    public_port: PortNumber | None = None
    ip: str | None = field(default=None, name="IP")


class MountRow(Struct, rename="pascal", gc=False):
    """A container's mount, alike in the list and in the inspection."""

    type: str = ""
    name: str = ""
    source: str = ""
    destination: str = ""
    rw: bool = field(default=False, name="RW")


class Attachment(Struct, rename="pascal", gc=False):
    """A network that a container is attached to; each start makes a new endpoint."""

    endpoint_id: str = field(default="", name="EndpointID")


class Networks(Struct, rename="pascal"):
    """A container's networks by name; Podman sends null."""

    networks: dict[str, Attachment | None] | None = None


class HealthRow(Struct, rename="pascal", gc=False):
    """Outcome of the health check; in the list from API 1.52 on."""

    status: str = ""


class HealthCheck(Struct, rename="pascal", gc=False):
    """One run of the health check; Docker keeps the last five, and 4 KiB of what each said."""

    output: str = ""


class Health(Struct, rename="pascal"):
    """Outcome of the health check, and its last runs, the newest at the end."""

    status: str = ""
    log: list[HealthCheck] | None = None


class Row(Struct, rename="pascal"):
    """One container of `GET /containers/json`. Without `Status`: that text changes by itself."""

    id: ContainerId
    names: list[str] | None = None
    image: str = ""
    image_id: str = field(default="", name="ImageID")
    state: str = ""
    labels: dict[str, str] | None = None
    ports: list[PortRow] | None = None
    mounts: list[MountRow] | None = None
    network_settings: Networks | None = None
    health: HealthRow | None = None


class State(Struct, rename="pascal"):
    """What a container does, or how it ended. Times are RFC 3339; year 1 means never."""

    status: str = ""
    running: bool = False
    oom_killed: bool = field(default=False, name="OOMKilled")
    exit_code: Int64 = 0
    error: str = ""
    started_at: str = ""
    finished_at: str = ""
    health: Health | None = None


class RestartPolicy(Struct, rename="pascal", gc=False):
    """When the engine starts a container anew."""

    name: str = ""
    maximum_retry_count: Int64 = 0


class HostConfig(Struct, rename="pascal"):
    """What the engine grants a container; 0 is no limit."""

    restart_policy: RestartPolicy | None = None
    memory: Int64 = 0
    memory_reservation: Int64 = 0
    memory_swap: Int64 = 0
    cpu_shares: Int64 = 0
    cpu_quota: Int64 = 0
    cpu_period: Int64 = 0
    nano_cpus: Int64 = 0


class Config(Struct, rename="pascal"):
    """What a container was made from; `image` as it was written then, even if the tag has moved."""

    image: str = ""
    labels: dict[str, str] | None = None


class Inspection(Struct, rename="pascal"):
    """`GET /containers/{id}/json`."""

    id: ContainerId
    state: State
    host_config: HostConfig
    config: Config
    name: str = ""
    image: str = ""
    created: str = ""
    restart_count: Int64 = 0
    mounts: list[MountRow] | None = None
    network_settings: Networks | None = None


# ---------------------------------------------------------------------------- events


class Attributes(Struct, rename="camel", gc=False):
    """What an event says beside its action; labels are left unread."""

    name: str = ""
    image: str = ""
    exit_code: str = ""


class Actor(Struct, rename="pascal"):
    """Whom an event is about."""

    id: str = field(default="", name="ID")
    attributes: Attributes | None = None


class Event(Struct, rename="pascal"):
    """One line of `GET /events`. The lower-case `status`, `id` and `from` are gone in API 1.52."""

    type: str
    action: str
    actor: Actor
    time_nano: Counter = field(name="timeNano")


class Message(Struct):
    """An engine's error."""

    message: str = ""


T = TypeVar("T")
VERSION = Decoder(Version)
INFO = Decoder(Info)
ROWS = Decoder(list[Row])
INSPECTION = Decoder(Inspection)
IMAGES = Decoder(list[Image])
EVENT = Decoder(Event)
MESSAGE = Decoder(Message)


def decode(decoder: Decoder[T], body: bytes, what: str) -> T:
    """Decode one document; raises Failed (protocol) that names `what` and the first fault."""
    try:
        return decoder.decode(_without_nul(body))
    except (MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(what, error) from None


def decode_lines(decoder: Decoder[T], body: bytes, what: str) -> list[T]:
    """Decode one document a line; raises Failed (protocol) that names `what` and the first fault."""
    try:
        return decoder.decode_lines(_without_nul(body))
    except (MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(what, error) from None


def _without_nul(body: bytes) -> bytes:
    """Put the replacement character for NUL, which JSON may hold and PostgreSQL's text may not.

    The decoder itself refuses lone surrogates, so no string of an engine can offend the database.
    """
    return body.replace(b"\\u0000", b"\\ufffd") if b"\\u0000" in body else body


def _unreadable(what: str, error: Exception) -> Failed:
    return Failed(FailureReason.PROTOCOL, f"cannot read {what}: {error}")
