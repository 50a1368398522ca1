"""What collectors learned, written down: the answers of many targets in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from registry.facts import DomainFacts, Failure, NodeFacts
from registry.schedule import DomainLease, NodeLease


@dataclass(frozen=True, slots=True)
class NodeResult:
    """One node's answer and when it was complete, by the database's clock."""

    lease: NodeLease
    outcome: NodeFacts | Failure
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class DomainResult:
    """One domain's answer and when it was complete, by the database's clock."""

    lease: DomainLease
    outcome: DomainFacts | Failure
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class Recorded:
    """How many results were written, and the ids of targets whose result came with a stale token."""

    written: int
    discarded: frozenset[int]
