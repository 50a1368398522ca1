"""Durations as Prometheus writes them: `90s`, `1h30m`, `2d`."""

from __future__ import annotations

import re

# Prometheus' own units and their order (prometheus/common model.ParseDuration); a year is 365 days.
_UNITS = {"y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000}
_UNITS |= {"s": 1000, "ms": 1}
_PATTERN = re.compile("".join(rf"(?:(\d+){unit})?" for unit in _UNITS), re.ASCII)
# Written only where nothing is left over: eight days are 8d, not 1w1d.
_WHOLE = {"y", "w"}

DURATION_RULE = "must be a duration as Prometheus writes it, such as 15s, 2m or 1h30m"


def parse_duration(text: str) -> float:
    """Return the seconds that `text` stands for; ValueError when it is not a duration above zero."""
    match = _PATTERN.fullmatch(text) if len(text) <= 40 else None
    amounts = [int(group or 0) for group in match.groups()] if match else []
    milliseconds = sum(map(int.__mul__, amounts, _UNITS.values()))
    if not milliseconds:
        raise ValueError(DURATION_RULE)
    return milliseconds / 1000


def format_duration(seconds: float) -> str:
    """Write seconds the way Prometheus does, in whole milliseconds: 5400 -> `1h30m`."""
    rest = round(seconds * 1000)
    parts = []
    for unit, size in _UNITS.items():
        if unit in _WHOLE and rest % size:
            continue
        amount, rest = divmod(rest, size)
        if amount:
            parts.append(f"{amount}{unit}")
    return "".join(parts) or "0s"
