"""A day of churn and two months of retention, with time moved by hand: what lies in the tables is what happened."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from registry.facts.containers import ContainerFacts, ContainerState
from registry.facts.nodes import NodeFacts
from registry.facts.outcomes import Failure
from registry.observations import NodeResult, Recorder
from registry.partitions import create_partitions
from registry.past import list_changes, read_past
from registry.retention import forget, kept_from
from registry.schedule import Defaults, claim_nodes
from registry.session import Connection, Engine
from registry.ticks import stale_after
from tests.registry.targets import NO_KEYS, REFUSED, add_node, container, fetch, node_facts

NODES = ("alpha", "beta")
# Two months with the end of one, a leap day and the night in which New York's clocks change.
START = datetime(2028, 1, 14, 22, tzinfo=UTC)
ASKED = 1_000
Containers = dict[str, ContainerFacts]


@dataclass
class Truth:
    """What a node's scrapes saw, in the plainest way: a list of moments, and how it was at each."""

    interval: float
    moments: list[datetime] = field(default_factory=list)
    seen: list[Containers | None] = field(default_factory=list)
    opened: int = 0
    closed: list[datetime] = field(default_factory=list)

    def note(self, at: datetime, now: Containers | None) -> None:
        if now is not None:
            before = next((seen for seen in reversed(self.seen) if seen is not None), {})
            self.opened += sum(before.get(key) != facts for key, facts in now.items())
            self.closed += [at for key, facts in before.items() if now.get(key) != facts]
        self.moments.append(at)
        self.seen.append(None if now is None else dict(now))

    def at(self, moment: datetime) -> Containers | None:
        """How the node was, by the last scrape before it; None where nobody can know."""
        place = bisect_right(self.moments, moment) - 1
        if place < 0 or (seen := self.seen[place]) is None:
            return None
        if moment == self.moments[place] or place + 1 == len(self.moments):
            return seen
        late = (self.moments[place + 1] - self.moments[place]).total_seconds()
        is_gap = self.seen[place + 1] is None or late > stale_after(self.interval)
        return None if is_gap else seen


class Churn:
    """Nodes whose containers come, go, change and restart by chance; now and then one cannot be seen."""

    def __init__(self, interval: float, seed: int) -> None:
        self.chance = random.Random(seed)
        self.defaults = Defaults(interval, 10.0, 3600.0, 8.0, 1 << 24)
        self.recorder = Recorder()
        self.truth = {name: Truth(interval) for name in NODES}
        self.running: dict[str, Containers] = {name: {} for name in NODES}
        self.dark: dict[str, int] = dict.fromkeys(NODES, 0)
        self.made = 0

    async def scrape(self, tx: Connection, at: datetime) -> None:
        """Have every node asked at a moment, and note what was seen."""
        await tx.execute(text("UPDATE schedule SET next_due_at = :at"), {"at": at})
        leases = await claim_nodes(tx, at, 10, self.defaults, NO_KEYS)
        results = [NodeResult(lease, self.look(lease.question.name), at) for lease in leases]
        await self.recorder.record_nodes(tx, results)
        self.recorder.committed()
        for lease, result in zip(leases, results, strict=True):
            name = lease.question.name
            known = isinstance(result.outcome, NodeFacts)
            self.truth[name].note(at, self.running[name] if known else None)

    def look(self, name: str) -> NodeFacts | Failure:
        self.happen(self.running[name])
        if self.dark[name] == 0 and self.chance.random() < 0.01:
            self.dark[name] = self.chance.randint(1, 12)
        self.dark[name] = max(0, self.dark[name] - 1)
        return REFUSED if self.dark[name] else node_facts(*self.running[name].values())

    def happen(self, running: Containers) -> None:
        kind = self.chance.random()
        if kind < 0.05 or not running:
            self.made += 1
            facts = replace(container(f"c{self.made}"), name=f"web-{self.made % 5}")
            running[facts.container_id] = facts
            return
        key = self.chance.choice(list(running))
        if kind < 0.09:
            del running[key]
        elif kind < 0.15:
            running[key] = replace(running[key], restart_count=running[key].restart_count + 1)
        elif kind < 0.18:
            state = self.chance.choice([ContainerState.EXITED, ContainerState.RUNNING])
            running[key] = replace(running[key], state=state)

    @property
    def opened(self) -> int:
        return sum(truth.opened for truth in self.truth.values())


@pytest.fixture
async def tx(engine: Engine) -> AsyncIterator[Connection]:
    async with engine.connect() as connection:
        yield connection


async def begin(tx: Connection) -> None:
    """Register the nodes, in a session whose day begins at another hour than UTC's."""
    await tx.execute(text("SET timezone TO 'America/New_York'"))
    for name in NODES:
        await add_node(tx, name, due_at=START)


async def assert_right(
    tx: Connection, truth: Truth, node: str, moment: datetime, now: datetime
) -> bool:
    """Compare what the tables say of a moment with the truth; return whether it is known."""
    past = await read_past(tx, node, moment, now, truth.interval)
    expected = truth.at(moment)
    if expected is None:
        assert past.unknown is not None, (node, moment)
        return False
    assert past.unknown is None, (node, moment, past.unknown)
    assert {facts.container_id: facts for facts in past.containers} == expected, (node, moment)
    return True


async def test_a_day_of_churn_is_right_at_a_thousand_random_moments(tx: Connection) -> None:
    await begin(tx)
    await create_partitions(tx, START, days_ahead=2)
    churn, at, end = Churn(60.0, 1), START, START + timedelta(hours=24)
    while at < end:
        # Now and then no collector asks for a while.
        minutes = churn.chance.randint(5, 30) if churn.chance.random() < 0.004 else 1
        at += timedelta(minutes=minutes)
        await churn.scrape(tx, at)
    rows = await fetch(tx, "SELECT count(*) FROM container_snapshots")
    assert rows == [(churn.opened,)]
    await tx.execute(text("ANALYZE container_snapshots, node_gaps"))
    known = 0
    for _ in range(ASKED):
        node = churn.chance.choice(NODES)
        moment = START + timedelta(seconds=churn.chance.uniform(-600, 24 * 3600))
        known += await assert_right(tx, churn.truth[node], node, moment, at)
    print(f"{churn.opened} states in a day, {known} of {ASKED} moments known")
    assert ASKED * 0.6 < known < ASKED * 0.97


async def test_what_a_window_tells_of_adds_up_to_what_happened(tx: Connection) -> None:
    await begin(tx)
    await create_partitions(tx, START, days_ahead=1)
    churn, at = Churn(60.0, 2), START
    for _ in range(300):
        at += timedelta(minutes=1)
        await churn.scrape(tx, at)
    told = 0
    for node in NODES:
        page = await list_changes(tx, node, since=START, until=at + timedelta(1), limit=10_000)
        told += sum(line.change in {"first_seen", "appeared", "changed"} for line in page.items)
    assert told == churn.opened


RETENTION = 7 * 86400.0
DAYS = 60


async def test_two_months_of_retention_leave_exactly_what_they_should(engine: Engine) -> None:
    async with engine.begin() as tx:
        await begin(tx)
        await create_partitions(tx, START)
    churn, at = Churn(6 * 3600.0, 3), START
    for _ in range(DAYS):
        async with engine.begin() as tx:
            await tx.execute(text("SET timezone TO 'America/New_York'"))
            await create_partitions(tx, at)
            for _ in range(4):  # midnight lies between them
                at += timedelta(hours=6)
                await churn.scrape(tx, at)
        async with engine.begin() as tx:
            await create_partitions(tx, at)
        await forget(engine, at, RETENTION)
        async with engine.begin() as tx:
            await assert_kept(tx, churn, at)
    async with engine.connect() as tx:
        first = kept_from(at, RETENTION)
        for _ in range(100):
            node = churn.chance.choice(NODES)
            moment = START + (at - START) * churn.chance.random()
            if moment >= first:
                await assert_right(tx, churn.truth[node], node, moment, at)
            else:
                past = await read_past(tx, node, moment, at, churn.defaults.scrape_interval)
                assert past.unknown is not None
                assert past.unknown.unknown_until == first


async def assert_kept(tx: Connection, churn: Churn, at: datetime) -> None:
    """Every open row is there, of the closed ones those of the days that are kept, and each day has its table."""
    kept = await fetch(
        tx,
        "SELECT count(*) FILTER (WHERE seen_until = 'infinity'),"
        " count(*) FILTER (WHERE seen_until < 'infinity') FROM container_snapshots",
    )
    closed = [end for truth in churn.truth.values() for end in truth.closed]
    first = kept_from(at, RETENTION)
    assert kept == [(churn.opened - len(closed), sum(end >= first for end in closed))]
    days = (await tx.execute(text(DAY_TABLES))).scalars().all()
    assert days == [days[0] + timedelta(number) for number in range(len(days))]
    assert (days[0], days[-1]) == (max(first, START).date(), at.date() + timedelta(7))


DAY_TABLES = """
    SELECT to_date(substring(relname FROM '_([0-9]{8})$'), 'YYYYMMDD') AS day
    FROM pg_inherits JOIN pg_class ON oid = inhrelid
    WHERE inhparent = 'container_snapshots'::regclass AND relname ~ '_[0-9]{8}$'
    ORDER BY day
"""
