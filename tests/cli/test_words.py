from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cli.words import ago, count, letters, minute, plain, span

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 s"),
        (0.9, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (172_799, "47 h"),
        (172_800, "2 days"),
        (90 * 86400, "90 days"),
    ],
)
def test_a_span_has_the_largest_unit_that_it_holds_twice(seconds: float, words: str) -> None:
    assert span(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.5, "just now"), (-3, "just now"), (3, "3 s ago"), (300, "5 min ago")]
)
def test_the_past_is_told_from_now(seconds: float, words: str) -> None:
    assert ago(AT - timedelta(seconds=seconds), AT) == words


def test_what_never_was_is_never() -> None:
    assert ago(None, AT) == "never"


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [(1, "node", "1 node"), (0, "node", "0 nodes"), (2, "address", "2 addresses")],
)
def test_a_number_agrees_with_its_noun(number: int, noun: str, words: str) -> None:
    assert count(number, noun) == words


def test_a_moment_is_told_in_utc() -> None:
    moment = datetime.fromisoformat("2026-01-02T01:30:59+02:00")
    assert minute(moment) == "2026-01-01 23:30 UTC"


def test_what_would_steer_the_terminal_is_escaped() -> None:
    assert plain("CN=\x1b[2Jevil\n") == "CN=\\x1b[2Jevil\\n"
    assert plain("Bücher, 漢字") == "Bücher, 漢字"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("xn--bcher-kva.example", "bücher.example"),
        ("example.org", "example.org"),
        ("xn--.example", "xn--.example"),
        ("xn--a.example", "xn--a.example"),
    ],
)
def test_a_name_is_written_as_people_do_where_that_can_be(name: str, written: str) -> None:
    assert letters(name) == written
