"""The whole fleet, and one node, as the exporter shows them: newest state only, few statements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from registry.audit import Head
from registry.collectors import CollectorStatus
from registry.facts import (
    ContainerFacts,
    ContainerSample,
    Cost,
    EngineFacts,
    Failure,
    StartTls,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """A node and what was last learned of it.

    `interval_seconds` has the default applied; `version` rises when a container or the engine
    changes; `scrapes_total` counts every scrape, `failures_total` the failed ones of them;
    `containers` maps a state to the number of containers in it.
    """

    name: str
    labels: Mapping[str, str]
    enabled: bool
    interval_seconds: float
    created_at: datetime
    version: int
    last_attempt_at: datetime | None
    last_success_at: datetime | None
    failure: Failure | None
    consecutive_failures: int
    scrapes_total: int
    failures_total: int
    engine: EngineFacts | None
    cost: Cost | None
    containers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class NodePage:
    """All that a node's own metrics page shows."""

    status: NodeStatus
    containers: tuple[ContainerFacts, ...]
    samples: tuple[ContainerSample, ...]


@dataclass(frozen=True, slots=True)
class DomainStatus:
    """A domain and how its last probes went; `server_name` only where it is set."""

    id: int
    name: str
    port: int
    server_name: str | None
    enabled: bool
    last_attempt_at: datetime | None
    last_success_at: datetime | None
    failure: Failure | None
    consecutive_failures: int
    probes_total: int
    failures_total: int


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """One address of a domain: how the last probe went, and what the last successful one showed.

    `seconds` is the duration of the last probe; `server_name` stands only where it is set.
    """

    domain_id: int
    domain: str
    port: int
    starttls: StartTls
    server_name: str | None
    address: str
    last_attempt_at: datetime
    last_success_at: datetime | None
    failure: Failure | None
    seconds: float
    verdict: Verdict | None
    fingerprint: str | None
    subject: str | None
    issuer: str | None
    serial_number: str | None
    sans: tuple[str, ...]
    not_before: datetime | None
    not_after: datetime | None
    chain_not_after: datetime | None
    tls_version: str | None
    cipher: str | None
    alpn: str | None


@dataclass(frozen=True, slots=True)
class EventCount:
    """How often an event happened to a container of that name on a node; never falls."""

    node: str
    name: str
    event: str
    total: int


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything the fleet's metrics page shows, as of `now`.

    A target is overdue when it is enabled, its tick has passed, and no collector holds a live lease.
    """

    now: datetime
    nodes: tuple[NodeStatus, ...]
    domains: tuple[DomainStatus, ...]
    endpoints: tuple[EndpointStatus, ...]
    event_counts: tuple[EventCount, ...]
    collectors: tuple[CollectorStatus, ...]
    head: Head
    overdue_targets: int
    oldest_overdue_seconds: float


def stale_after(interval_seconds: float) -> float:
    """Return the age in seconds beyond which what was last seen of a node no longer counts as now."""
    return max(3 * interval_seconds, 60.0)


def is_fresh(status: NodeStatus, now: datetime) -> bool:
    """Tell whether the node was seen so lately that its numbers still count as now."""
    if status.last_success_at is None:
        return False
    age = (now - status.last_success_at).total_seconds()
    return age <= stale_after(status.interval_seconds)
