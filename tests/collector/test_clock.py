from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from collector.clock import DatabaseClock

READING = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The machine's monotonic clock, as a test sets it."""
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def test_it_tells_the_database_s_time_carried_on(monotonic: list[float]) -> None:
    clock = DatabaseClock()
    clock.set(READING)
    monotonic[0] += 7.5
    assert clock.now() == READING + timedelta(seconds=7.5)
    assert clock.timestamp() == READING.timestamp() + 7.5


def test_before_the_first_reading_it_tells_this_machine_s_time() -> None:
    assert abs(DatabaseClock().now() - datetime.now(UTC)) < timedelta(seconds=5)
