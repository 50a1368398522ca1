"""What is remembered of a node between two scrapes; losing it costs one round of inspections."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from collector.docker import wire
from collector.docker.client import Client
from collector.docker.clock import EngineClock
from collector.docker.digests import Digests
from registry.facts.containers import ContainerFacts
from registry.facts.credentials import Credential
from registry.facts.nodes import DiskUsage, EngineFacts, NodeQuestion

# Engines from API 1.44 (Docker 25) on answer one-shot stats at once; older ones wait for the next
# of their own readings, one a second, so that only asking for all at the same time keeps it short.
_QUICK_API: Final = (1, 44)
_MOST_LANES: Final = 64
# A quick engine gets as many connections as bring all its stats in within this time.
_STATS_SECONDS: Final = 0.25
_GUESSED_PACE: Final = 0.05


# How a node is reached: a change of any part wants new connections.
Way = tuple[str, Credential | None, str]


def way_of(question: NodeQuestion) -> Way:
    """Return the way that a question says."""
    return question.docker_url, question.credential, question.host_key


@dataclass(frozen=True, slots=True)
class Engine:
    """Who answers: its facts, the API version spoken with it as a number pair, when it was asked."""

    facts: EngineFacts
    api: tuple[int, int]
    podman: bool
    asked_at: float

    @property
    def prefix(self) -> str:
        """The version as paths have it: 1.41."""
        return f"{self.api[0]}.{self.api[1]}"


@dataclass(frozen=True, slots=True)
class Known:
    """A container as last inspected, and its list row then; no row where it must be inspected again."""

    row: wire.Row | None
    facts: ContainerFacts


@dataclass(slots=True)
class Memory:
    """One node's way, client, engine, clock, containers by id, and seconds that one answer of stats took.

    `disk` is what its disk held when that was asked last.
    """

    way: Way
    client: Client
    engine: Engine | None = None
    clock: EngineClock = field(default_factory=EngineClock)
    known: dict[str, Known] = field(default_factory=dict)
    digests: Digests = field(default_factory=Digests)
    disk: DiskUsage | None = None
    disk_due_at: float = 0.0
    asked_at: float = 0.0
    stats_pace: float = _GUESSED_PACE

    def stats_lanes(self, count: int) -> int:
        """Say over how many connections to ask for `count` stats: few while that is quick."""
        if self.engine is None or self.engine.api < _QUICK_API:
            lanes = count
        else:
            lanes = math.ceil(count * self.stats_pace / _STATS_SECONDS)
        return max(1, min(lanes, count, _MOST_LANES))

    def note_stats(self, count: int, lanes: int, seconds: float) -> None:
        """Remember how long one answer took."""
        self.stats_pace = seconds * lanes / count
