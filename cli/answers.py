"""What the API answers, as far as a person is shown it; the JSON itself goes through untouched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from cli.faults import CannotReach
from cli.words import letters
from registry.facts.checks import CheckStep
from registry.facts.containers import ContainerState, Health
from registry.facts.domains import Fault, Verdict
from registry.facts.nodes import DiskUsage, EngineFacts
from registry.facts.outcomes import Failure

ItemT = TypeVar("ItemT")
ValueT = TypeVar("ValueT")


class Listing(msgspec.Struct, Generic[ItemT], frozen=True):
    """One page; `next` is the cursor of the page after it."""

    items: list[ItemT]
    next: str | None


class Problem(msgspec.Struct, frozen=True):
    """An RFC 9457 problem: `detail` names each field with the rule that it breaks."""

    detail: str
    status: int


class Rotation(msgspec.Struct, frozen=True):
    """How many credentials an older key had encrypted."""

    rotated: int


class CredentialFacts(msgspec.Struct, frozen=True):
    """What is no secret of a credential; `fingerprint` is of its certificate or public key."""

    subject: str
    fingerprint: str
    not_after: datetime | None
    public_key: str


class NodeState(msgspec.Struct, frozen=True):
    """What was last seen of a node; `containers` maps a state to a number."""

    last_attempt_at: datetime | None
    last_success_at: datetime | None
    failure: Failure | None
    consecutive_failures: int
    engine: EngineFacts | None
    containers: dict[str, int]
    shown_host_key: str | None = None
    same_engine_as: list[str] = []
    disk: DiskUsage | None = None


class Credential(msgspec.Struct, frozen=True):
    """A credential without its secret; `nodes` are the names of its users."""

    name: str
    kind: str
    facts: CredentialFacts
    created_at: datetime
    updated_at: datetime
    nodes: list[str]


class Node(msgspec.Struct, frozen=True):
    """A node; `interval` is None where the default holds."""

    name: str
    docker_url: str
    labels: dict[str, str]
    enabled: bool
    interval: str | None
    created_at: datetime
    state: NodeState
    credential: str | None = None
    host_key: str | None = None


class NodeChecked(msgspec.Struct, frozen=True):
    """How a check went, step by step."""

    failure: Failure | None
    node: Node
    steps: list[CheckStep]


class Container(msgspec.Struct, frozen=True):
    """A container as it is now, and since when."""

    node: str
    name: str
    image: str
    state: ContainerState
    health: Health
    exit_code: int | None
    oom_killed: bool
    restart_count: int
    started_at: datetime | None
    finished_at: datetime | None
    seen_from: datetime
    health_output: str | None = None


class Unknown(msgspec.Struct, frozen=True):
    """Why nobody knows how a node was, from when until when; None is no such end."""

    reason: str
    unknown_from: datetime | None
    unknown_until: datetime | None


class PastContainer(msgspec.Struct, frozen=True):
    """A container as it was at a moment."""

    container_id: str
    name: str
    image: str
    state: ContainerState
    health: Health
    exit_code: int | None
    oom_killed: bool
    restart_count: int


class PastNode(msgspec.Struct, frozen=True):
    """A node at a moment; where `unknown` is set its containers are those that were seen last."""

    at: datetime
    unknown: Unknown | None
    containers: list[PastContainer]


class Change(msgspec.Struct, frozen=True):
    """A line of a node's story; `fields` maps a fact to what it was and became."""

    at: datetime
    change: str
    name: str | None
    image: str | None
    fields: dict[str, tuple[object, object]]
    reason: str | None
    lasted_until: datetime | None


class Restart(msgspec.Struct, frozen=True):
    """A death of a container and its return; `unseen` counts restarts whose events nobody saw."""

    at: datetime
    name: str
    image: str
    died_at: datetime | None
    exit_code: int | None
    oom_killed: bool
    started_at: datetime | None
    unseen: int


class NewerCertificate(msgspec.Struct, frozen=True):
    """A certificate for the same name that is newer than the one served, and where it is."""

    not_before: datetime
    where: str
    source: str


class Endpoint(msgspec.Struct, frozen=True):
    """One address of a domain: how the last look went, and what the last successful one showed."""

    address: str
    port: int
    last_attempt_at: datetime | None
    last_success_at: datetime | None
    failure: Failure | None
    verdict: Verdict | None
    faults: list[Fault]
    fingerprint: str | None
    not_before: datetime | None
    not_after: datetime | None
    tls_version: str | None
    newer: NewerCertificate | None = None


class DomainState(msgspec.Struct, frozen=True):
    """What was last seen of a domain."""

    last_attempt_at: datetime | None
    last_success_at: datetime | None
    failure: Failure | None
    consecutive_failures: int
    endpoints: list[Endpoint]


class Domain(msgspec.Struct, frozen=True):
    """A domain; `server_name` and `interval` are None where the default holds."""

    id: int
    name: str
    port: int
    starttls: str
    server_name: str | None
    node: str | None
    container: str | None
    labels: dict[str, str]
    enabled: bool
    interval: str | None
    created_at: datetime
    state: DomainState

    @property
    def title(self) -> str:
        """Name and port as a person writes them, and the name that is asked for when it is another."""
        name = f"[{self.name}]" if ":" in self.name else letters(self.name)
        return f"{name}:{self.port}" + (f" as {self.server_name}" if self.server_name else "")


class NodeOutcome(msgspec.Struct, frozen=True):
    """How a scrape went that was asked for just now."""

    failure: Failure | None
    node: Node


class DomainOutcome(msgspec.Struct, frozen=True):
    """How a probe went that was asked for just now."""

    failure: Failure | None
    domain: Domain


class Token(msgspec.Struct, frozen=True):
    """A token, without its secret."""

    name: str
    role: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class NewToken(msgspec.Struct, frozen=True):
    """A token just made: the one time that its secret is told."""

    name: str
    role: str
    token: str


class AuditEntry(msgspec.Struct, frozen=True):
    """One entry of the audit trail, as a list shows it."""

    id: int
    timestamp: datetime
    actor: str
    action: str
    target: str
    address: str
    result: str


def decode(content: bytes | msgspec.Raw, kind: type[ValueT]) -> ValueT:
    """Return an answer's JSON as `kind`."""
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        raise CannotReach(
            f"the API's answer is not understood ({error}); is it of another version?"
        ) from None


def whole(items: Sequence[msgspec.Raw]) -> bytes:
    """Return a list of all pages as the API would give it in one."""
    return msgspec.json.encode({"items": items, "next": None})


def part(content: bytes, name: str) -> bytes:
    """Return one member of an answer's object, as its JSON."""
    return bytes(decode(content, dict[str, msgspec.Raw])[name])
