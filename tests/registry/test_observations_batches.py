from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, text

from registry.facts.nodes import NodeFacts
from registry.observations import NodeResult, Recorded, Recorder
from registry.partitions import create_partitions
from registry.schedule import claim_nodes
from registry.session import Connection
from tests.registry.targets import (
    DEFAULTS,
    NO_KEYS,
    NOW,
    REFUSED,
    add_node,
    container,
    die,
    dump,
    later,
    node_facts,
    value,
)


@pytest.fixture(autouse=True)
async def days(tx: Connection) -> None:
    await create_partitions(tx, NOW, days_ahead=1)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@contextmanager
def watching(tx: Connection, see: Callable[[str], None]) -> Iterator[None]:
    """Show `see` each statement before it is sent."""

    def before(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        see(statement)

    event.listen(tx.sync_connection, "before_cursor_execute", before)
    try:
        yield
    finally:
        event.remove(tx.sync_connection, "before_cursor_execute", before)


async def add_nodes(tx: Connection, *names: str) -> None:
    for name in names:
        await add_node(tx, name)


async def record_all(
    tx: Connection, recorder: Recorder, facts: NodeFacts, at: float = 0
) -> list[str]:
    """Scrape every node with the same facts; return the statements it took."""
    await tx.execute(text("UPDATE schedule SET next_due_at = :at"), {"at": later(at)})
    leases = await claim_nodes(tx, later(at), 1000, DEFAULTS, NO_KEYS)
    statements: list[str] = []
    with watching(tx, statements.append):
        await recorder.record_nodes(tx, [NodeResult(lease, facts, later(at)) for lease in leases])
    recorder.committed()
    return statements


async def test_a_batch_takes_as_few_statements_as_one_result(tx: Connection) -> None:
    busy = node_facts(container("web"), events=[die(5)])
    await add_nodes(tx, "alpha")
    one = await record_all(tx, Recorder(), busy)
    await add_nodes(tx, *(f"node-{number}" for number in range(30)))
    assert len(await record_all(tx, Recorder(), busy, at=15)) == len(one) <= 9
    assert await value(tx, "SELECT count(*) FROM container_snapshots") == 31


async def test_a_batch_without_a_change_does_not_touch_the_containers(tx: Connection) -> None:
    recorder = Recorder()
    await add_nodes(tx, "alpha", "beta", "gamma")
    await record_all(tx, recorder, node_facts(container("web")))
    statements = await record_all(tx, recorder, node_facts(container("web")), at=15)
    assert len(statements) == 4
    assert not any("container_snapshots" in statement for statement in statements)


async def test_nothing_to_record_writes_nothing(tx: Connection, recorder: Recorder) -> None:
    assert await recorder.record_nodes(tx, []) == Recorded(0, frozenset())
    assert await recorder.record_domains(tx, []) == Recorded(0, frozenset())


async def test_a_crash_at_any_statement_leaves_all_or_nothing(
    tx: Connection, recorder: Recorder
) -> None:
    await add_nodes(tx, "alpha", "beta")
    await record_all(tx, recorder, node_facts(container("web"), container("db")))
    (first, second) = await claim_nodes(tx, later(30), 2, DEFAULTS, NO_KEYS)
    restarted = (container("web", restart_count=1), container("db"))
    busy = node_facts(*restarted, events=[die(5)], events_lost=True)
    results = [NodeResult(first, busy, later(31)), NodeResult(second, REFUSED, later(31))]
    before, crashes = await dump(tx), 0
    while not await survives(tx, recorder, results, statements=crashes):
        assert await dump(tx) == before
        crashes += 1
    assert crashes == 8
    assert await value(tx, "SELECT count(*) FROM container_snapshots") == 5
    assert await value(tx, "SELECT total FROM event_counters WHERE event = 'die'") == 1
    assert await value(tx, "SELECT count(*) FROM node_gaps") == 2


class Crash(Exception):
    pass


async def survives(
    tx: Connection, recorder: Recorder, results: list[NodeResult], statements: int
) -> bool:
    """Record the results, crashing after a number of statements; True when that was enough."""
    left = iter(range(statements))

    def crash(_statement: str) -> None:
        if next(left, None) is None:
            raise Crash

    try:
        async with tx.begin_nested():
            with watching(tx, crash):
                await recorder.record_nodes(tx, results)
    except Crash:
        recorder.rolled_back()
        return False
    recorder.committed()
    return True
