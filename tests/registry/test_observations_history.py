"""What lies in the tables after many random scrapes equals what a simple model remembers."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from registry.facts.containers import ContainerFacts, ContainerState
from registry.facts.nodes import NodeFacts
from registry.facts.outcomes import Failure
from registry.observations import NodeResult, Recorder
from registry.partitions import create_partitions
from registry.schedule import NodeLease, claim_nodes
from registry.session import Connection
from tests.registry.targets import (
    DEFAULTS,
    NO_KEYS,
    NOW,
    REFUSED,
    add_node,
    container,
    die,
    fetch,
    node_facts,
)

NAMES = ("web", "db", "cache", "queue")
Span = tuple[int, ContainerFacts, datetime, datetime | None]


@dataclass
class Model:
    """Snapshots and counters, kept in the plainest way."""

    open: dict[tuple[int, str], tuple[ContainerFacts, datetime]] = field(default_factory=dict)
    closed: list[Span] = field(default_factory=list)
    events: Counter[tuple[int, str, str]] = field(default_factory=Counter)

    def see(self, node_id: int, facts: NodeFacts, at: datetime) -> None:
        now = {(node_id, c.container_id): c for c in facts.containers}
        for key in [key for key in self.open if key[0] == node_id]:
            before, since = self.open[key]
            if now.get(key) != before:
                self.closed.append((node_id, before, since, at))
                del self.open[key]
        for key, after in now.items():
            self.open.setdefault(key, (after, at))
        self.events.update((node_id, event.name, event.action) for event in facts.events)

    def spans(self) -> list[Span]:
        still = [
            (node_id, facts, since, None) for (node_id, _), (facts, since) in self.open.items()
        ]
        return [*self.closed, *still]


class World:
    """Nodes whose containers change by chance; two collectors see them, and sometimes crash."""

    def __init__(self, tx: Connection, seed: int) -> None:
        self.tx = tx
        self.chance = random.Random(seed)
        self.now = NOW
        self.containers: dict[int, dict[str, ContainerFacts]] = {}
        self.collectors = [Recorder(), Recorder()]
        self.model = Model()

    async def step(self) -> None:
        self.now += timedelta(seconds=self.chance.uniform(1, 1200))
        await self.tx.execute(text("UPDATE schedule SET next_due_at = :now"), {"now": self.now})
        leases = await claim_nodes(self.tx, self.now, self.chance.randint(1, 3), DEFAULTS, NO_KEYS)
        results = [NodeResult(lease, self.answer(lease), self.now) for lease in leases]
        number = self.chance.randrange(2)
        if self.chance.random() < 0.1:
            self.collectors[number] = Recorder()  # it was started anew
        await self.record(self.collectors[number], results)

    async def record(self, collector: Recorder, results: list[NodeResult]) -> None:
        savepoint = await self.tx.begin_nested()
        await collector.record_nodes(self.tx, results)
        if self.chance.random() < 0.15:
            await savepoint.rollback()
            collector.rolled_back()
            return
        await savepoint.commit()
        collector.committed()
        for result in results:
            if isinstance(result.outcome, NodeFacts):
                self.model.see(result.lease.question.node_id, result.outcome, self.now)
        assert (await collector.record_nodes(self.tx, results)).written == 0  # it came twice

    def answer(self, lease: NodeLease) -> NodeFacts | Failure:
        known = self.containers.setdefault(lease.question.node_id, {})
        self.change(known)
        if self.chance.random() < 0.15:
            return REFUSED
        events = [die(1, self.chance.choice(NAMES)) for _ in range(self.chance.randrange(3))]
        return node_facts(*known.values(), events=events)

    def change(self, known: dict[str, ContainerFacts]) -> None:
        name = self.chance.choice(NAMES)
        kind = self.chance.randrange(5)
        if kind == 0:
            known.pop(name, None)
        elif kind == 1:
            count = self.chance.randrange(1000)
            known[name] = container(name, restart_count=count, labels={"count": str(count)})
        elif kind == 2 and name in known:
            known[name] = replace(known[name], state=self.chance.choice(list(ContainerState)))


async def stored_spans(tx: Connection) -> list[tuple[object, ...]]:
    return await fetch(
        tx,
        "SELECT node_id, name, state, restart_count, labels->>'count', seen_from,"
        " CASE WHEN isfinite(seen_until) THEN seen_until END FROM container_snapshots",
    )


def told(span: Span) -> tuple[object, ...]:
    node_id, facts, since, until = span
    count = facts.labels.get("count")
    return (node_id, facts.name, facts.state.value, facts.restart_count, count, since, until)


@pytest.mark.parametrize("seed", range(4))
async def test_many_random_scrapes_leave_what_a_simple_model_remembers(
    tx: Connection, seed: int
) -> None:
    await create_partitions(tx, NOW, days_ahead=2)
    for name in ("alpha", "beta", "gamma"):
        await add_node(tx, name)
    world = World(tx, seed)
    for _ in range(100):
        await world.step()
    assert world.now > NOW + timedelta(hours=13)  # past midnight
    assert sorted(map(str, await stored_spans(tx))) == sorted(
        str(told(s)) for s in world.model.spans()
    )
    counted = await fetch(
        tx, "SELECT node_id, name, event, total FROM event_counters WHERE event NOT LIKE 'die: %'"
    )
    assert Counter({row[:3]: row[3] for row in counted}) == world.model.events
    stored = await fetch(tx, "SELECT node_id, name, action, count(*) FROM events GROUP BY 1, 2, 3")
    assert sorted(counted) == sorted(stored)
