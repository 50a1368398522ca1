from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("15s", 15),
        ("2m", 120),
        ("1h30m", 5400),
        ("1d12h", 129_600),
        ("1w", 604_800),
        ("1y2w3d4h5m6s7ms", 33_019_506.007),
    ],
)
def test_a_duration_is_read_as_prometheus_reads_it(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "0", "0s", "15", "s", "1.5s", "-1s", "+1s", " 15s", "15 s", "30m1h", "1s1s", "1S", "१s"],
)
def test_what_prometheus_would_refuse_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration as Prometheus writes it"):
        parse_duration(text)


def test_an_endless_number_is_refused() -> None:
    with pytest.raises(ValueError, match="must be a duration"):
        parse_duration("9" * 5000 + "s")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.25, "250ms"),
        (90, "1m30s"),
        (5400, "1h30m"),
        (86_400, "1d"),
        (7 * 86_400, "1w"),
        (8 * 86_400, "8d"),
        (365 * 86_400, "1y"),
        (366 * 86_400, "366d"),
    ],
)
def test_a_duration_is_written_as_prometheus_writes_it(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(min_value=1, max_value=10**13))
def test_what_is_written_is_read_back(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000
