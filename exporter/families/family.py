"""What a metric is, and how the metrics of a page are declared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Kind = Literal["counter", "gauge", "untyped"]


@dataclass(frozen=True, eq=False)
class Family:
    """One metric: its series share name, type and help, and carry `labels` at most."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...]
    unit: str
    source: str

    @cached_property
    def header(self) -> str:
        """The comment lines above its series (text format 0.0.4)."""
        return f"# HELP {self.name} {self.help}\n# TYPE {self.name} {self.kind}\n"


@dataclass(frozen=True)
class Group:
    """Families of one source that share labels; declares them into a page's list."""

    page: list[Family]
    source: str
    labels: tuple[str, ...]

    def gauge(self, name: str, text: str, *labels: str, unit: str = "") -> Family:
        """Declare a number that goes up and down."""
        return self.declare("gauge", name, text, labels, unit)

    def counter(self, name: str, text: str, *labels: str, unit: str = "") -> Family:
        """Declare a number that rises, or begins anew at zero."""
        return self.declare("counter", name, text, labels, unit)

    def declare(
        self, kind: Kind, name: str, text: str, labels: tuple[str, ...] = (), unit: str = ""
    ) -> Family:
        """Declare a family; `unit` is given where the name does not hold it."""
        held = next((word for word in ("seconds", "bytes") if word in name.split("_")), "")
        family = Family(name, kind, text, self.labels + labels, unit or held, self.source)
        self.page.append(family)
        return family
