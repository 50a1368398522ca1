from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from collector.docker.clock import EngineClock
from collector.docker.failures import Failed

MOMENT = datetime(2026, 11, 23, 0, 51, 5, 500_000, tzinfo=UTC)
DATE = b"Mon, 23 Nov 2026 00:51:05 GMT"


def seconds(clock: EngineClock, here: float) -> float:
    return clock.nano(here) / 1e9 - MOMENT.timestamp()


def test_it_runs_on_from_the_engines_own_time() -> None:
    clock = EngineClock()
    clock.set(MOMENT, here=100.0)
    assert seconds(clock, 102.5) == pytest.approx(2.5, abs=1e-5)


def test_a_date_that_agrees_changes_nothing() -> None:
    clock = EngineClock()
    clock.set(MOMENT, here=100.0)
    clock.hold(DATE, asked_at=100.0, received_at=100.1)
    assert seconds(clock, 100.0) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("step", [timedelta(hours=-1), timedelta(hours=1)])
def test_a_clock_that_was_set_is_followed_within_a_second(step: timedelta) -> None:
    clock = EngineClock()
    clock.set(MOMENT - step, here=100.0)
    clock.hold(DATE, asked_at=100.0, received_at=100.1)
    assert -0.7 < seconds(clock, 100.0) < 0.6


@pytest.mark.parametrize("date", [b"", b"yesterday", b"\xff", b"Mon, 99 Nov 2026 00:51:05 GMT"])
def test_an_unreadable_date_is_ignored(date: bytes) -> None:
    clock = EngineClock()
    clock.set(MOMENT, here=100.0)
    clock.hold(date, asked_at=100.0, received_at=100.1)
    assert seconds(clock, 100.0) == pytest.approx(0, abs=1e-5)


def test_without_any_reading_it_fails() -> None:
    with pytest.raises(Failed, match="name no time"):
        EngineClock().nano(1.0)


def test_a_date_alone_is_enough() -> None:
    clock = EngineClock()
    clock.hold(DATE, asked_at=100.0, received_at=100.0)
    assert seconds(clock, 100.0) == pytest.approx(-0.5, abs=1e-5)
