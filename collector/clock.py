"""The database's time, carried on between two readings by this machine's monotonic clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class DatabaseClock:
    """Tells the database's time without asking it: set at each claim, rising in between.

    Collectors on machines whose clocks disagree so write times that agree.
    """

    def __init__(self) -> None:
        self._read_at = time.monotonic()
        self._reading = datetime.now(UTC)

    def set(self, reading: datetime) -> None:
        """Take a fresh reading of the database's clock."""
        self._read_at = time.monotonic()
        self._reading = reading

    def now(self) -> datetime:
        """Return the database's time now, as an aware datetime in UTC."""
        return self._reading + timedelta(seconds=time.monotonic() - self._read_at)

    def timestamp(self) -> float:
        """Return the database's time now, in Unix seconds."""
        return self.now().timestamp()
