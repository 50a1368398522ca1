"""When a target is asked: a grid of ticks, a longer pause for a dead node, and how long an answer holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import blake2b

# How much less often a dead node is asked.
_MOST_DOUBLINGS = 3
_LONGEST_PAUSE_SECONDS = 300.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def next_due(now: datetime, interval: float, identity: str) -> datetime:
    """Return the first point after `now` of the grid that `interval` (seconds) and `identity` make.

    A hash of the identity is the grid's phase, so that a fleet spreads evenly over the interval and
    every process agrees. Ticks that were missed are not made up for.
    """
    step = round(interval * 1_000_000)
    digest = blake2b(identity.encode(), digest_size=8).digest()
    phase = int.from_bytes(digest, "big") * step >> 64
    elapsed = ((now - _EPOCH) // _MICROSECOND - phase) // step
    return _EPOCH + timedelta(microseconds=(elapsed + 1) * step + phase)


def pause_after(failures: int, interval: float) -> float:
    """Return the seconds until a node that failed so often in a row is asked again.

    The first three come at the node's own interval (seconds), after which nothing of it counts as
    now any more; then it doubles, up to eight intervals but no more than five minutes: a fleet of
    dead nodes costs an eighth, and one that comes back is seen before anybody wonders.
    """
    factor = 1 << min(max(failures - 2, 0), _MOST_DOUBLINGS)
    return max(min(factor * interval, _LONGEST_PAUSE_SECONDS), interval)


def stale_after(interval_seconds: float) -> float:
    """Return the age in seconds beyond which what was last seen of a node no longer counts as now."""
    return max(3 * interval_seconds, 60.0)
