from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from registry.facts.containers import ContainerSample
from registry.facts.nodes import DiskKind, DiskUsage, DiskUse, EventCursor, NodeFacts
from registry.facts.outcomes import Failure, FailureReason
from registry.observations import NodeResult, Recorded, Recorder
from registry.partitions import create_partitions
from registry.session import Connection
from registry.ticks import next_due
from tests.registry.targets import (
    ENGINE,
    NOW,
    REFUSED,
    add_node,
    container,
    die,
    dump,
    fetch,
    later,
    lease_node,
    node_facts,
    scrape,
    value,
)

OPEN = "SELECT name, restart_count FROM container_snapshots WHERE seen_until = 'infinity' ORDER BY name"
GAPS = (
    "SELECT kind, gap_from, CASE WHEN isfinite(gap_until) THEN gap_until END, reason FROM node_gaps"
)
VERSION = "SELECT version FROM node_state"


@pytest.fixture(autouse=True)
async def days(tx: Connection) -> None:
    await create_partitions(tx, NOW, days_ahead=1)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


# ---------------------------------------------------------------------------- one scrape


async def test_a_first_scrape_is_stored_whole(tx: Connection, recorder: Recorder) -> None:
    node_id = await add_node(tx)
    facts = node_facts(
        container("web"),
        container("db"),
        samples=[ContainerSample("a", 1.0)],
        events=[die(5)],
        cursor=EventCursor(5, ("k",)),
    )
    assert await scrape(tx, recorder, facts) == Recorded(1, frozenset())
    assert await fetch(tx, OPEN) == [("db", 0), ("web", 0)]
    state = await fetch(
        tx,
        "SELECT version, last_success_at, failure_reason, engine->>'version', cost->>'requests',"
        " event_time_nano, event_keys FROM node_state",
    )
    assert state == [(1, NOW, None, ENGINE.version, "3", 5, ["k"])]
    assert await value(tx, "SELECT count(*) FROM node_samples") == 1
    assert await value(tx, "SELECT total FROM event_counters WHERE event = 'die'") == 1
    assert await value(tx, "SELECT next_due_at FROM schedule") == next_due(
        NOW, 15, f"node/{node_id}"
    )


async def test_an_unchanged_node_writes_no_snapshot(tx: Connection, recorder: Recorder) -> None:
    await add_node(tx)
    await scrape(tx, recorder, node_facts(container("web")))
    before = (await dump(tx))["container_snapshots"]
    await scrape(tx, recorder, node_facts(container("web")), later(15))
    assert (await dump(tx))["container_snapshots"] == before
    assert await value(tx, VERSION) == 1
    assert await value(tx, "SELECT last_success_at FROM node_state") == later(15)


async def test_only_the_container_that_changed_is_written(
    tx: Connection, recorder: Recorder
) -> None:
    await add_node(tx)
    await scrape(tx, recorder, node_facts(container("web"), container("db")))
    after = node_facts(container("web", restart_count=1), container("db"))
    await scrape(tx, recorder, after, later(15))
    rows = await fetch(
        tx,
        "SELECT name, restart_count, seen_from FROM container_snapshots ORDER BY name, seen_from",
    )
    assert rows == [("db", 0, NOW), ("web", 0, NOW), ("web", 1, later(15))]
    assert await value(tx, VERSION) == 2


async def test_a_container_that_went_has_no_open_row(tx: Connection, recorder: Recorder) -> None:
    await add_node(tx)
    await scrape(tx, recorder, node_facts(container("web"), container("db")))
    await scrape(tx, recorder, node_facts(container("db")), later(15))
    assert await fetch(tx, OPEN) == [("db", 0)]


async def test_a_changed_engine_alone_raises_the_version(
    tx: Connection, recorder: Recorder
) -> None:
    await add_node(tx)
    await scrape(tx, recorder, node_facts(container("web")))
    newer = node_facts(container("web"), engine=replace(ENGINE, version="29.1"))
    await scrape(tx, recorder, newer, later(15))
    assert await fetch(tx, "SELECT version, engine->>'version' FROM node_state") == [(2, "29.1")]


async def test_a_container_listed_twice_is_stored_once(tx: Connection, recorder: Recorder) -> None:
    await add_node(tx)
    await scrape(tx, recorder, node_facts(container("web"), container("web", restart_count=1)))
    assert await fetch(tx, OPEN) == [("web", 1)]


async def test_a_cursor_that_is_not_told_is_kept(tx: Connection, recorder: Recorder) -> None:
    await add_node(tx)
    await scrape(tx, recorder, node_facts(cursor=EventCursor(5, ("k",))))
    await scrape(tx, recorder, node_facts(cursor=None), later(15))
    assert await fetch(tx, "SELECT event_time_nano, event_keys FROM node_state") == [(5, ["k"])]


async def test_scrapes_at_one_moment_still_make_rows_that_follow_each_other(
    tx: Connection, recorder: Recorder
) -> None:
    await add_node(tx)
    for count in range(4):
        await scrape(tx, recorder, node_facts(container("web", restart_count=count)))
    tick = timedelta(microseconds=1)
    rows = await fetch(tx, "SELECT seen_from FROM container_snapshots ORDER BY 1")
    assert rows == [(NOW + number * tick,) for number in range(4)]


# ---------------------------------------------------------------------------- failures and gaps


async def test_a_failure_loses_nothing_but_the_moment(tx: Connection, recorder: Recorder) -> None:
    await add_node(tx)
    await scrape(tx, recorder, node_facts(container("web"), cursor=EventCursor(5)))
    await scrape(tx, recorder, REFUSED, later(15))
    assert await fetch(tx, OPEN) == [("web", 0)]
    state = "SELECT version, failure_reason, last_attempt_at, last_success_at, event_time_nano FROM node_state"
    assert await fetch(tx, state) == [(1, "refused", later(15), NOW, 5)]
    assert await value(tx, "SELECT count(*) FROM node_samples") == 1


async def test_failures_are_one_gap_that_a_success_closes(
    tx: Connection, recorder: Recorder
) -> None:
    await add_node(tx)
    await scrape(tx, recorder, node_facts())
    await scrape(tx, recorder, REFUSED, later(15))
    await scrape(tx, recorder, Failure(FailureReason.TIMEOUT, ""), later(300))
    assert await fetch(tx, GAPS) == [("state", NOW, None, "refused")]
    await scrape(tx, recorder, node_facts(), later(315))
    assert await fetch(tx, GAPS) == [("state", NOW, later(315), "refused")]


async def test_a_time_in_which_no_collector_ran_is_a_gap(
    tx: Connection, recorder: Recorder
) -> None:
    await add_node(tx)
    await scrape(tx, recorder, node_facts())
    await scrape(tx, recorder, node_facts(), later(600))
    assert await fetch(tx, GAPS) == [("state", NOW, later(600), "not_asked")]


async def test_lost_events_are_a_gap(tx: Connection, recorder: Recorder) -> None:
    await add_node(tx)
    await scrape(tx, recorder, node_facts())
    await scrape(tx, recorder, node_facts(events_lost=True), later(15))
    assert await fetch(tx, GAPS) == [("events", NOW, later(15), "lost")]


# ---------------------------------------------------------------------------- leases


async def test_a_result_that_comes_twice_is_written_once(
    tx: Connection, recorder: Recorder
) -> None:
    node_id = await add_node(tx)
    result = NodeResult(await lease_node(tx), node_facts(container("web"), events=[die(5)]), NOW)
    assert await recorder.record_nodes(tx, [result, result]) == Recorded(1, frozenset())
    recorder.committed()
    before = await dump(tx)
    assert await recorder.record_nodes(tx, [result]) == Recorded(0, frozenset({node_id}))
    assert await dump(tx) == before


async def test_a_result_of_a_lease_that_ended_is_discarded(
    tx: Connection, recorder: Recorder
) -> None:
    node_id = await add_node(tx)
    slow = await lease_node(tx)
    fast = await lease_node(tx, later(15))
    late = NodeResult(slow, node_facts(container("old")), later(16))
    good = NodeResult(fast, node_facts(container("new")), later(16))
    assert await recorder.record_nodes(tx, [good, late]) == Recorded(1, frozenset({node_id}))
    assert await fetch(tx, OPEN) == [("new", 0)]


async def test_a_result_of_a_node_that_was_deleted_is_discarded(
    tx: Connection, recorder: Recorder
) -> None:
    node_id = await add_node(tx)
    await scrape(tx, recorder, node_facts())
    lease = await lease_node(tx, later(30))
    await fetch(tx, "DELETE FROM vps_nodes RETURNING 1")
    results = [NodeResult(lease, node_facts(), later(31))]
    assert await recorder.record_nodes(tx, results) == Recorded(0, frozenset({node_id}))
    assert not recorder.is_current(node_id, 1)


# ---------------------------------------------------------------------------- what a process remembers


async def test_what_another_collector_wrote_is_read_again(tx: Connection) -> None:
    await add_node(tx)
    mine, other = Recorder(), Recorder()
    await scrape(tx, mine, node_facts(container("web")))
    await scrape(tx, other, node_facts(container("web", restart_count=1)), later(15))
    await scrape(tx, mine, node_facts(container("web")), later(30))
    assert await fetch(tx, OPEN) == [("web", 0)]
    assert await value(tx, "SELECT count(*) FROM container_snapshots") == 3


async def test_a_restarted_collector_writes_nothing_that_is_known(tx: Connection) -> None:
    await add_node(tx)
    await scrape(tx, Recorder(), node_facts(container("web")))
    await scrape(tx, Recorder(), node_facts(container("web")), later(15))
    assert await value(tx, "SELECT count(*) FROM container_snapshots") == 1
    assert await value(tx, VERSION) == 1


async def test_a_node_is_current_once_its_transaction_was_committed(tx: Connection) -> None:
    node_id = await add_node(tx)
    recorder = Recorder()
    result = NodeResult(await lease_node(tx), node_facts(container("web")), NOW)
    await recorder.record_nodes(tx, [result])
    assert not recorder.is_current(node_id, 1)
    recorder.committed()
    assert recorder.is_current(node_id, 1)
    assert not recorder.is_current(node_id, 2)


async def test_what_was_rolled_back_is_not_remembered(tx: Connection, recorder: Recorder) -> None:
    await add_node(tx)
    await scrape(tx, recorder, node_facts(container("web")))
    savepoint = await tx.begin_nested()
    lease = await lease_node(tx, later(30))
    gone = NodeResult(lease, node_facts(container("web", restart_count=1)), later(30))
    await recorder.record_nodes(tx, [gone])
    await savepoint.rollback()
    recorder.rolled_back()
    await scrape(tx, recorder, node_facts(container("web", restart_count=1)), later(45))
    assert await fetch(tx, OPEN) == [("web", 1)]


# ---------------------------------------------------------------------------- disks

DISK = "SELECT disk -> 'uses' -> 'volumes' ->> 'total_bytes' FROM node_state"


async def test_a_disk_is_written_when_it_was_measured_and_not_again(
    tx: Connection, recorder: Recorder
) -> None:
    await add_node(tx)
    disk = DiskUsage(5.0, {DiskKind.VOLUMES: DiskUse(2, 1, 300, 100)})
    facts = replace(node_facts(), disk=disk)
    await scrape(tx, recorder, node_facts())
    assert await value(tx, DISK) is None
    await scrape(tx, recorder, facts, at=later(15))
    assert await value(tx, DISK) == "300"
    await fetch(tx, "UPDATE node_state SET disk = NULL RETURNING 1")
    await scrape(tx, recorder, facts, at=later(30))
    assert await value(tx, DISK) is None
    await scrape(tx, recorder, replace(facts, disk=replace(disk, measured_at=6.0)), at=later(45))
    assert await value(tx, DISK) == "300"


# ---------------------------------------------------------------------------- dead nodes


async def test_a_dead_node_is_asked_less_often_until_it_answers(
    tx: Connection, recorder: Recorder
) -> None:
    await add_node(tx)
    at, waits = NOW, []
    outcomes: list[NodeFacts | Failure] = [*[REFUSED] * 6, node_facts(), REFUSED]
    for outcome in outcomes:
        await scrape(tx, recorder, outcome, at=at)
        due = await value(tx, "SELECT next_due_at FROM schedule")
        assert isinstance(due, datetime)
        waits.append(round((due - at).total_seconds()))
        at = due
    assert waits[1:] == [15, 30, 60, 120, 120, 15, 15]
