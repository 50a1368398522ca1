"""A registry with something in it: targets are registered and answered for as the programs do it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import text

from registry.audit import Actor
from registry.domains import DomainSpec, create_domain
from registry.facts.containers import ContainerFacts, ContainerSample
from registry.facts.domains import DomainFacts
from registry.facts.nodes import EngineEvent, NodeFacts
from registry.facts.outcomes import Failure
from registry.nodes import NodeSpec, create_node, delete_node, update_node
from registry.observations import DomainResult, NodeResult, Recorder
from registry.schedule import Defaults, claim_domains, claim_nodes
from registry.session import Engine, database_now
from tests.exporter.things import ENGINE
from tests.registry.targets import NO_KEYS

DEFAULTS = Defaults(
    scrape_interval=15.0,
    scrape_timeout=10.0,
    probe_interval=3600.0,
    probe_timeout=10.0,
    max_response_bytes=1 << 20,
)
ACTOR = Actor("tester")
_ALL_DUE = text("UPDATE schedule SET next_due_at = :now, lease_until = NULL")


def scraped(
    *containers: ContainerFacts,
    samples: tuple[ContainerSample, ...] = (),
    events: tuple[EngineEvent, ...] = (),
) -> NodeFacts:
    """What a scrape of a node learned."""
    return NodeFacts(
        engine=ENGINE,
        containers=containers,
        samples=samples,
        events=events,
        cursor=None,
        events_lost=False,
        received_at=samples[0].received_at if samples else 0.0,
    )


@dataclass(slots=True)
class Watch:
    """One collector, answering what it is told to."""

    engine: Engine
    recorder: Recorder = field(default_factory=Recorder)

    async def add_node(self, name: str) -> None:
        async with self.engine.begin() as tx:
            spec = NodeSpec(name, f"unix:///run/{name}.sock")
            await create_node(tx, spec, ACTOR, await database_now(tx))

    async def remove_node(self, name: str) -> None:
        async with self.engine.begin() as tx:
            await delete_node(tx, name, ACTOR, await database_now(tx))

    async def disable_node(self, name: str) -> None:
        async with self.engine.begin() as tx:
            await update_node(tx, name, {"enabled": False}, ACTOR, await database_now(tx))

    async def add_domain(self, name: str) -> None:
        async with self.engine.begin() as tx:
            await create_domain(tx, DomainSpec(name), ACTOR, await database_now(tx))

    async def answer_nodes(
        self, outcome: NodeFacts | Failure, ago: timedelta = timedelta()
    ) -> datetime:
        """Answer for every node, due or not; returns the time of the answer."""
        async with self.engine.begin() as tx:
            now = await database_now(tx)
            await tx.execute(_ALL_DUE, {"now": now})
            leases = await claim_nodes(tx, now, 100, DEFAULTS, NO_KEYS)
            results = [NodeResult(lease, outcome, now - ago) for lease in leases]
            await self.recorder.record_nodes(tx, results)
        self.recorder.committed()
        return now - ago

    async def answer_domains(self, outcome: DomainFacts | Failure) -> datetime:
        """Answer for every domain, due or not; returns the time of the answer."""
        async with self.engine.begin() as tx:
            now = await database_now(tx)
            await tx.execute(_ALL_DUE, {"now": now})
            leases = await claim_domains(tx, now, 100, DEFAULTS)
            results = [DomainResult(lease, outcome, now) for lease in leases]
            await self.recorder.record_domains(tx, results)
        self.recorder.committed()
        return now
