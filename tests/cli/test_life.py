from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cli.life import Life

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def life(days: float, left: float) -> Life:
    """A life of so many days, of which so many are left."""
    end = BEGIN + timedelta(days=days)
    return Life(BEGIN, end, end - timedelta(days=left))


@pytest.mark.parametrize(
    ("days", "left"), [(6, 1.9), (45, 14.9), (90, 20.9), (200, 20.9), (398, 20.9)]
)
def test_renewal_is_due_below_a_third_of_the_life_or_three_weeks(days: float, left: float) -> None:
    assert life(days, left).is_due
    assert not life(days, left + 0.2).is_due


@pytest.mark.parametrize(("days", "left"), [(6, 1.4), (24, 5.9), (90, 6.9), (398, 6.9)])
def test_it_presses_below_a_quarter_of_the_life_or_a_week(days: float, left: float) -> None:
    assert life(days, left).presses
    assert not life(days, left + 0.2).presses


@pytest.mark.parametrize(
    ("days", "left", "words"),
    [
        (90, 60, "60 days left, 67%"),
        (90, 0, "ended 0 s ago"),
        (90, -3, "ended 3 days ago"),
        (0, 1, "24 h left, 0%"),
        (90, 91, "91 days left, 100%"),
    ],
)
def test_it_is_told_in_days_and_share(days: float, left: float, words: str) -> None:
    assert str(life(days, left)) == words


@pytest.mark.parametrize(
    ("left", "filled"), [(90, 20), (45, 10), (0.1, 1), (0, 0), (-3, 0), (100, 20)]
)
def test_a_bar_shows_the_share_and_a_last_remnant(left: float, filled: int) -> None:
    assert life(90, left).bar == "█" * filled + "░" * (20 - filled)
