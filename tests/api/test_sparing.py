from __future__ import annotations

from api.sparing import Sparing


def test_a_key_is_allowed_once_a_period() -> None:
    sparing = Sparing(seconds=60, keys=10)
    assert [sparing.allows("a", moment) for moment in (0, 59, 60, 61)] == [True, False, True, False]


def test_one_key_does_not_use_up_another_s_turn() -> None:
    sparing = Sparing(seconds=60, keys=10)
    assert sparing.allows("a", 0)
    assert sparing.allows("b", 1)


def test_many_keys_at_once_are_bounded_until_the_period_is_over() -> None:
    sparing = Sparing(seconds=60, keys=2)
    assert [sparing.allows(key, 0) for key in "abc"] == [True, True, False]
    assert sparing.allows("c", 61)
