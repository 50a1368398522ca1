"""The engine's own clock, followed from here: events are asked for in the engine's time."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from collector.docker.failures import Failed
from registry.facts.outcomes import FailureReason

_NANO: Final = 1_000_000_000


class EngineClock:
    """Tells an engine's time between two answers. Here-times are seconds of the monotonic clock.

    It tells the time that a question sent now will find there. Were it ahead, the engine would hold
    its events back until then; were it behind, the newest would wait for the next scrape.
    """

    def __init__(self) -> None:
        self._ahead: float | None = None

    def set(self, system_time: datetime, here: float) -> None:
        """Take the engine's exact time, from `GET /info`, as of `here`."""
        self._ahead = system_time.timestamp() - here

    def hold(self, date: bytes, asked_at: float, received_at: float) -> None:
        """Keep within the whole second that an answer's `Date` header names: clocks get set."""
        try:
            second = parsedate_to_datetime(date.decode("ascii")).replace(tzinfo=UTC).timestamp()
        except (ValueError, UnicodeDecodeError):
            return
        least, most = second - received_at, second + 1 - asked_at
        self._ahead = least if self._ahead is None else min(max(self._ahead, least), most)

    def nano(self, here: float) -> int:
        """Return the engine's time at `here`, in nanoseconds; raises Failed before any reading."""
        if self._ahead is None:
            raise Failed(FailureReason.PROTOCOL, "the engine's answers name no time")
        return max(int((here + self._ahead) * _NANO), 0)
