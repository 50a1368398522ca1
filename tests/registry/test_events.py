from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from registry.events import Happened, write_events
from registry.partitions import create_partitions, drop_closed_before
from registry.session import Connection
from tests.registry.targets import NOW, add_node, die, fetch, later, value


@pytest.fixture
async def node_id(tx: Connection) -> int:
    await create_partitions(tx, NOW, days_ahead=1)
    return await add_node(tx)


COUNTERS = "SELECT node_id, name, event, total FROM event_counters ORDER BY node_id, name, event"


async def test_events_are_stored_in_their_order_with_both_clocks(
    tx: Connection, node_id: int
) -> None:
    nano = int(later(-3600).timestamp()) * 10**9 + 123456789
    await write_events(tx, [Happened(node_id, NOW, (die(nano), die(nano + 1, action="start")))])
    rows = await fetch(
        tx, "SELECT action, time, time_nano, recorded_at, exit_code FROM events ORDER BY id"
    )
    time = later(-3600) + timedelta(microseconds=123456)
    assert rows == [("die", time, nano, NOW, 137), ("start", time, nano + 1, NOW, 137)]


async def test_each_event_raises_its_own_counter(tx: Connection, node_id: int) -> None:
    other = await add_node(tx, "beta")
    first = (die(1), die(2), die(3, "db"), die(4, action="start"))
    await write_events(tx, [Happened(node_id, NOW, first), Happened(other, NOW, (die(1),))])
    await write_events(tx, [Happened(node_id, later(15), (die(9),))])
    assert await fetch(tx, COUNTERS) == [
        (node_id, "db", "die", 1),
        (node_id, "db", "die: signal", 1),
        (node_id, "web", "die", 3),
        (node_id, "web", "die: signal", 3),
        (node_id, "web", "start", 1),
        (other, "web", "die", 1),
        (other, "web", "die: signal", 1),
    ]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (0, "success"),
        (1, "error"),
        (125, "error"),
        (128, "error"),
        (137, "signal"),
        (143, "signal"),
    ],
)
async def test_deaths_are_counted_by_the_class_of_their_exit_code(
    tx: Connection, node_id: int, code: int, kind: str
) -> None:
    await write_events(tx, [Happened(node_id, NOW, (replace(die(1), exit_code=code),))])
    assert (node_id, "web", f"die: {kind}", 1) in await fetch(tx, COUNTERS)


async def test_a_death_without_a_code_is_counted_among_all(tx: Connection, node_id: int) -> None:
    await write_events(tx, [Happened(node_id, NOW, (replace(die(1), exit_code=None),))])
    assert await fetch(tx, COUNTERS) == [(node_id, "web", "die", 1)]


async def test_only_events_of_containers_are_counted(tx: Connection, node_id: int) -> None:
    network = replace(die(1, "bridge", "connect"), kind="network")
    await write_events(tx, [Happened(node_id, NOW, (network,))])
    assert await value(tx, "SELECT count(*) FROM events") == 1
    assert await fetch(tx, COUNTERS) == []


async def test_an_engine_whose_clock_lies_by_years_is_stored_by_ours(
    tx: Connection, node_id: int
) -> None:
    await write_events(tx, [Happened(node_id, NOW, (die(0), die(2**63 - 1)))])
    assert await fetch(tx, "SELECT DISTINCT tableoid::regclass::text FROM events") == [
        ("events_20261123",)
    ]


async def test_counters_do_not_fall_when_old_events_are_dropped(
    tx: Connection, node_id: int
) -> None:
    await write_events(tx, [Happened(node_id, NOW, (die(1),))])
    await drop_closed_before(tx, later(86400).date())
    assert await value(tx, "SELECT count(*) FROM events") == 0
    assert (node_id, "web", "die", 1) in await fetch(tx, COUNTERS)
