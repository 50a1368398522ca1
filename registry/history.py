"""What was seen, for people to read: containers, events, certificates, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from registry.facts import CertificateFacts, ContainerFacts


@dataclass(frozen=True, slots=True)
class ContainerRow:
    """A container as it is now on the node of that name, and since when it is so."""

    node: str
    facts: ContainerFacts
    seen_from: datetime


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event: `recorded_at` is our clock, `time` and `time_nano` the engine's."""

    id: int
    node: str
    recorded_at: datetime
    time: datetime
    time_nano: int
    kind: str
    action: str
    container_id: str
    name: str
    image: str
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class ServingEndpoint:
    """An address of a domain whose last successful probe showed the certificate."""

    domain_id: int
    domain: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class CertificateRow:
    """A certificate, when it was seen, and where it is served now."""

    facts: CertificateFacts
    first_seen_at: datetime
    last_seen_at: datetime
    endpoints: tuple[ServingEndpoint, ...]
