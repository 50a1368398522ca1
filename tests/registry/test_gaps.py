from __future__ import annotations

import pytest

from registry.facts.outcomes import Failure, FailureReason
from registry.gaps import Gap, close_gaps, gaps_behind, opened_gap, write_gaps
from registry.session import Connection
from registry.states import Before
from tests.registry.targets import NOW, REFUSED, add_node, fetch, later

SEEN = Before(1, NOW, NOW, failures=0)
FAILING = Before(1, later(30), NOW, failures=1)
NEVER = Before(0, None, None, failures=0)

GAPS = """
    SELECT kind, gap_from, CASE WHEN isfinite(gap_until) THEN gap_until END, reason
    FROM node_gaps ORDER BY kind, gap_from
"""

# ---------------------------------------------------------------------------- which gaps there are


def test_the_first_failure_opens_a_gap_from_when_the_node_was_last_seen() -> None:
    assert opened_gap(1, SEEN, REFUSED) == Gap(1, "state", NOW, "infinity", "refused")


def test_a_second_failure_opens_none() -> None:
    assert opened_gap(1, FAILING, Failure(FailureReason.TIMEOUT, "")) is None


def test_a_node_that_was_never_seen_has_no_gap() -> None:
    assert opened_gap(1, NEVER, REFUSED) is None
    assert gaps_behind(1, NEVER, later(900), 15, events_lost=True) == []


@pytest.mark.parametrize(("silence", "interval"), [(60, 15), (60, 1), (90, 30)])
def test_a_success_in_time_has_no_gap_behind_it(silence: float, interval: float) -> None:
    assert gaps_behind(1, SEEN, later(silence), interval, events_lost=False) == []


def test_a_silence_without_a_failure_is_a_gap_nobody_asked_in() -> None:
    gaps = gaps_behind(1, SEEN, later(60.001), 15, events_lost=False)
    assert gaps == [Gap(1, "state", NOW, later(60.001), "not_asked")]


def test_the_end_of_failures_is_no_second_gap() -> None:
    assert gaps_behind(1, FAILING, later(900), 15, events_lost=False) == []


def test_lost_events_are_a_gap_since_the_last_success() -> None:
    gaps = gaps_behind(1, FAILING, later(45), 15, events_lost=True)
    assert gaps == [Gap(1, "events", NOW, later(45), "lost")]


# ---------------------------------------------------------------------------- how they are kept


async def test_a_gap_stays_open_until_the_node_is_seen_again(tx: Connection) -> None:
    node_id = await add_node(tx)
    await write_gaps(tx, [Gap(node_id, "state", NOW, "infinity", "refused")])
    assert await fetch(tx, GAPS) == [("state", NOW, None, "refused")]
    await close_gaps(tx, [(node_id, later(30))])
    assert await fetch(tx, GAPS) == [("state", NOW, later(30), "refused")]


async def test_a_closed_gap_stays_as_it_is(tx: Connection) -> None:
    node_id = await add_node(tx)
    await write_gaps(tx, [Gap(node_id, "state", NOW, later(1), "not_asked")])
    await close_gaps(tx, [(node_id, later(30))])
    assert await fetch(tx, GAPS) == [("state", NOW, later(1), "not_asked")]


async def test_one_nodes_gap_is_not_closed_by_another(tx: Connection) -> None:
    alpha, beta = await add_node(tx, "alpha"), await add_node(tx, "beta")
    await write_gaps(tx, [Gap(alpha, "state", NOW, "infinity", "refused")])
    await close_gaps(tx, [(beta, later(30))])
    assert await fetch(tx, GAPS) == [("state", NOW, None, "refused")]


async def test_losses_in_a_row_are_one_growing_gap(tx: Connection) -> None:
    node_id = await add_node(tx)
    for start in (0, 15, 30, 60):
        await write_gaps(tx, [Gap(node_id, "events", later(start), later(start + 15), "lost")])
    assert await fetch(tx, GAPS) == [
        ("events", NOW, later(45), "lost"),
        ("events", later(60), later(75), "lost"),
    ]


async def test_a_node_that_comes_and_goes_has_a_gap_each_time(tx: Connection) -> None:
    node_id = await add_node(tx)
    for start in (0, 15):
        await write_gaps(tx, [Gap(node_id, "state", later(start), later(start + 15), "not_asked")])
    assert [row[1:3] for row in await fetch(tx, GAPS)] == [(NOW, later(15)), (later(15), later(30))]
