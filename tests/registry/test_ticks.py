from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.ticks import next_due, pause_after, stale_after
from tests.registry.targets import NOW, later


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)), st.floats(1, 86400), st.text())  # noqa: DTZ001 - made aware below
def test_the_next_tick_lies_within_one_interval_ahead(
    naive: datetime, interval: float, name: str
) -> None:
    now = naive.replace(tzinfo=NOW.tzinfo)
    assert now < next_due(now, interval, name) <= now + timedelta(seconds=interval + 1e-6)


def test_ticks_follow_each_other_at_the_interval() -> None:
    ticks = [first := next_due(NOW, 15, "node/1")]
    for _ in range(20):
        ticks.append(next_due(ticks[-1], 15, "node/1"))
    assert first < later(15)
    assert {after - before for before, after in pairwise(ticks)} == {timedelta(seconds=15)}


def test_late_ticks_are_dropped_and_not_queued() -> None:
    tick = next_due(NOW, 15, "node/1")
    assert next_due(tick + timedelta(seconds=100), 15, "node/1") == tick + timedelta(seconds=105)


def test_a_grid_does_not_move_when_a_process_starts_anew() -> None:
    assert next_due(NOW, 15, "node/1") == NOW.replace(second=6, microsecond=79542)


def test_a_thousand_targets_spread_evenly_over_the_interval() -> None:
    phases = [(next_due(NOW, 15, f"node/{n}") - NOW).total_seconds() for n in range(1000)]
    seconds = Counter(int(phase) for phase in phases)
    assert len(seconds) == 15
    assert all(40 < number < 95 for number in seconds.values())  # 67 ± 3.5 standard deviations


@pytest.mark.parametrize(
    ("interval", "pauses"),
    [
        (15, [15, 15, 15, 30, 60, 120, 120, 120]),
        (1, [1, 1, 1, 2, 4, 8, 8, 8]),
        (60, [60, 60, 60, 120, 240, 300, 300, 300]),
        (120, [120, 120, 120, 240, 300, 300, 300, 300]),
    ],
)
def test_a_dead_node_is_asked_less_and_less_often_down_to_a_bound(
    interval: float, pauses: list[float]
) -> None:
    assert [pause_after(failures, interval) for failures in range(8)] == pauses
    assert pause_after(10**6, interval) == pauses[-1]


def test_stale_is_three_intervals_but_a_minute_at_least() -> None:
    assert (stale_after(15), stale_after(30)) == (60, 90)
