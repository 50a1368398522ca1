from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from api.schemas.values import DomainInterval, Moment, NodeInterval, Seconds, Timeout

moment = TypeAdapter(Moment)


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-11-23T08:00:00Z", 8),
        ("2026-11-23t08:00:00z", 8),
        ("2026-11-23 08:00:00.123456789Z", 8),
        ("2026-11-23T08:00:00+02:00", 6),
    ],
)
def test_a_moment_is_read_as_rfc_3339_and_kept_in_utc(text: str, hour: int) -> None:
    read = moment.validate_python(text)
    assert (read.tzinfo, read.hour) == (UTC, hour)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "1700000000",
        "2026-11-23",
        "2026-11-23T08:00:00",
        "2026-13-01T00:00:00Z",
        "2026-W47-1T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-11-23T08:00:00 02:00",
    ],
)
def test_a_moment_that_is_none_is_refused_with_the_rule(text: str) -> None:
    with pytest.raises(ValidationError, match="RFC 3339"):
        moment.validate_python(text)


@pytest.mark.parametrize("kind", [NodeInterval, DomainInterval, Timeout])
@pytest.mark.parametrize("value", [15, 15.0, True, "15", "", "s", "1s1h", "10ms", "1y"])
def test_a_duration_is_text_as_prometheus_writes_it_and_within_bounds(
    kind: type[float], value: object
) -> None:
    with pytest.raises(ValidationError, match=r"must be (a duration|from)"):
        TypeAdapter[float](kind).validate_python(value)


def test_seconds_are_written_as_prometheus_does() -> None:
    assert TypeAdapter[float](Seconds).dump_python(5400.0) == "1h30m"


def test_a_moment_keeps_its_microseconds() -> None:
    expected = datetime(2026, 11, 23, 8, 0, 0, 123456, tzinfo=UTC)
    assert moment.validate_python("2026-11-23T08:00:00.123456789Z") == expected
