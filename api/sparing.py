"""A brake on records that strangers can cause."""

from __future__ import annotations


class Sparing:
    """Says yes once a period for a key, and to a bounded number of keys a period."""

    def __init__(self, *, seconds: float, keys: int) -> None:
        self._seconds = seconds
        self._keys = keys
        self._last: dict[str, float] = {}

    def allows(self, key: str, moment: float) -> bool:
        """Tell whether `key` may be recorded at `moment` (monotonic seconds), and remember it."""
        self._last = {k: at for k, at in self._last.items() if moment - at < self._seconds}
        if key in self._last or len(self._last) >= self._keys:
            return False
        self._last[key] = moment
        return True
