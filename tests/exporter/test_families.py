from __future__ import annotations

import re

import pytest

from exporter.families.family import Family
from exporter.families.fleet import FLEET
from exporter.families.node import NODE

ALL = [*FLEET, *NODE]


def test_no_name_is_declared_twice() -> None:
    names = [family.name for family in ALL]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("family", ALL, ids=lambda family: family.name)
def test_a_family_says_what_it_is(family: Family) -> None:
    assert re.fullmatch(r"(vsa|container|machine|probe|ssl)_[a-z0-9_]+", family.name)
    assert re.fullmatch(r"[A-Z0-9][^\n\\]*\.", family.help)
    assert family.source


@pytest.mark.parametrize("family", ALL, ids=lambda family: family.name)
def test_a_counter_ends_in_total_and_nothing_else_does(family: Family) -> None:
    assert family.name.endswith("_total") == (family.kind == "counter")


@pytest.mark.parametrize("family", ALL, ids=lambda family: family.name)
def test_no_label_is_reserved_or_given_twice(family: Family) -> None:
    assert len(family.labels) == len(set(family.labels))
    # What has other exporters' names has their `instance` too: the target, not who asked it.
    borrowed = family.name.startswith(("probe_", "ssl_"))
    assert ("instance" in family.labels) is borrowed
    assert not {"job", "le", "quantile"} & set(family.labels)
