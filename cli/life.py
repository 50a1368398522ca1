"""How far a certificate's life has gone, in the same units as the alert rules."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from cli.output import BAD, GOOD, WARN, Cell
from cli.words import span

_DAY = 86400
_BAR = 20


@dataclass(frozen=True, slots=True)
class Life:
    """A certificate's validity, judged at `at`.

    The limits are those of VsaCertificateExpiring in prometheus/rules: below a third of the life or
    21 days renewal is due, below a quarter or 7 days it presses; the smaller of each pair counts.
    """

    not_before: datetime
    not_after: datetime
    at: datetime

    @property
    def left(self) -> float:
        """Seconds until the end; negative after it."""
        return (self.not_after - self.at).total_seconds()

    @property
    def length(self) -> float:
        """Seconds from the beginning to the end."""
        return (self.not_after - self.not_before).total_seconds()

    @property
    def share(self) -> float:
        """The share of the life that is left, from 0 to 1."""
        return min(1.0, max(0.0, self.left / self.length)) if self.length > 0 else 0.0

    @property
    def is_due(self) -> bool:
        """Whether it should have been renewed by now."""
        return self.left < min(self.length / 3, 21 * _DAY)

    @property
    def presses(self) -> bool:
        """Whether little time is left, or none."""
        return self.left < min(self.length / 4, 7 * _DAY)

    @property
    def style(self) -> str:
        """The colour that fits."""
        return BAD if self.presses else WARN if self.is_due else GOOD

    @property
    def in_full(self) -> Text:
        """What is left, as a bar, in days and as a share, in the colour that fits."""
        share = f" of its life ({span(self.length)})" if self.left > 0 else ""
        return Text(f"{self.bar}  {self}{share}", self.style)

    @property
    def bar(self) -> str:
        """The share that is left, drawn; a last remnant shows."""
        filled = math.ceil(self.share * _BAR)
        return "█" * filled + "░" * (_BAR - filled)

    def __str__(self) -> str:
        if self.left <= 0:
            return f"ended {span(-self.left)} ago"
        return f"{span(self.left)} left, {self.share:.0%}"


def left(life: Life | None) -> Cell:
    """Say in colour how much of a life is left."""
    return Text(str(life), life.style) if life else ""
