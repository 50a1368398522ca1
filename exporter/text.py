"""The Prometheus text format 0.0.4: numbers, labels, and a page of series grouped by family.

https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from functools import cache

from exporter.families.family import Family

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def number(value: float) -> str:
    """Write a number so that reading it gives the very same one; True is 1."""
    if isinstance(value, int) or value.is_integer():
        return str(int(value))
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def unix(moment: datetime | None) -> float | None:
    """Return Unix seconds; None stays None."""
    return None if moment is None else moment.timestamp()


def stamp(seconds: float) -> str:
    """Write Unix seconds as a sample's timestamp, which is in milliseconds."""
    return f" {round(seconds * 1000)}"


def escape(value: str) -> str:
    """Escape a label's value."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def label_text(**values: str | int | None) -> str:
    """Write labels without their braces; an empty one is left out, which means the same."""
    return ",".join(
        f'{name}="{escape(str(value))}"'
        for name, value in values.items()
        if value not in {None, ""}
    )


@cache
def _one_hot_tails(label: str, members: type[StrEnum], active: StrEnum | None) -> tuple[str, ...]:
    return tuple(f',{label}="{member}"}} {number(member == active)}' for member in members)


class Page:
    """Series gathered in any order, rendered family by family.

    Holds each series as its labels' text, shared by all families, and a short tail: a page that is
    kept costs little more than one copy of its labels.
    """

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families
        self._series: defaultdict[Family, list[tuple[str, str]]] = defaultdict(list)

    def add(self, family: Family, labels: str, value: float | None, more: str = "") -> None:
        """Add one series; a value that is not known is left out. `more` begins with a comma."""
        if value is not None:
            closing = "}" if family.labels else ""
            tail = sys.intern(f"{more}{closing} {number(value)}")
            self._series[family].append((labels, tail))

    def add_one_hot(
        self, family: Family, labels: str, members: type[StrEnum], active: StrEnum | None
    ) -> None:
        """Add a series for each member of a closed set, 1 at the active one and 0 at the others."""
        tails = _one_hot_tails(family.labels[-1], members, active)
        self._series[family].extend([(labels, tail) for tail in tails])

    def render(self, at: str = "") -> Iterator[str]:
        """Give the page's lines; `at` is the timestamp's text for all of them."""
        for family in self._families:
            if series := self._series.get(family):
                opening = f"{family.name}{{" if family.labels else family.name
                yield family.header
                yield from [f"{opening}{labels}{tail}{at}\n" for labels, tail in series]
