from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.families.family import Group
from exporter.text import Page, label_text, number, stamp, unix
from registry.facts.containers import Health

STATE = Group([], "test", ("node",)).gauge("state", "A state.", "health")
BARE = Group([], "test", ()).counter("bare_total", "No labels.")


def text(page: Page, at: str = "") -> str:
    return "".join(page.render(at))


@given(st.floats(allow_nan=False) | st.integers(-(2**53), 2**53))
def test_a_number_reads_back_as_the_very_same(value: float) -> None:
    assert float(number(value)) == value


@pytest.mark.parametrize(
    ("value", "written"),
    [(True, "1"), (False, "0"), (3.0, "3"), (math.inf, "+Inf"), (-math.inf, "-Inf")],
)
def test_a_number_is_written_as_prometheus_reads_it(value: float, written: str) -> None:
    assert number(value) == written


def test_no_number_is_nan() -> None:
    assert number(math.nan) == "NaN"


def test_a_timestamp_is_in_milliseconds() -> None:
    assert stamp(1772366399.0004) == " 1772366399000"
    assert stamp(1772366399.9996) == " 1772366400000"


def test_a_time_that_is_not_known_stays_so() -> None:
    assert unix(None) is None
    assert unix(datetime(1970, 1, 2, tzinfo=UTC)) == 86400


def test_labels_are_escaped() -> None:
    assert label_text(name='a"b\\c\nd') == r'name="a\"b\\c\nd"'


def test_an_empty_label_is_left_out() -> None:
    assert label_text(a="1", b="", c=None, port=0) == 'a="1",port="0"'


def test_a_page_keeps_a_family_together_under_one_header() -> None:
    page = Page([STATE, BARE])
    page.add(BARE, "", 3)
    for node in ("a", "b"):
        page.add(STATE, label_text(node=node), 1.5)
    assert text(page) == (
        "# HELP state A state.\n# TYPE state gauge\n"
        'state{node="a"} 1.5\nstate{node="b"} 1.5\n'
        "# HELP bare_total No labels.\n# TYPE bare_total counter\n"
        "bare_total 3\n"
    )


def test_a_value_that_is_not_known_leaves_nothing_behind() -> None:
    page = Page([STATE])
    page.add(STATE, label_text(node="a"), None)
    assert text(page) == ""


def test_every_series_carries_the_timestamp() -> None:
    page = Page([STATE, BARE])
    page.add(STATE, label_text(node="a"), 1)
    page.add(BARE, "", 2)
    assert text(page, stamp(2)).count(" 2000\n") == 2


def test_one_hot_is_1_at_the_active_member_alone() -> None:
    page = Page([STATE])
    page.add_one_hot(STATE, 'node="a"', Health, Health.HEALTHY)
    lines = text(page).splitlines()[2:]
    assert len(lines) == len(Health)
    assert [line for line in lines if line.endswith(" 1")] == ['state{node="a",health="healthy"} 1']


def test_one_hot_without_an_active_member_is_0_throughout() -> None:
    page = Page([STATE])
    page.add_one_hot(STATE, 'node="a"', Health, None)
    assert {line[-2:] for line in text(page).splitlines()[2:]} == {" 0"}
