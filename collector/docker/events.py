"""Which of the engine's events are new, and whether some were lost. Pure.

Docker keeps its last 256 events in memory: health checks push others out, a restart of the engine
empties it. So every question begins at the last event that was read: `since` includes it, and when
it does not come back, events between it and the oldest kept one are lost. (Podman keeps a log on
disk and answers alike.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from collector.docker import wire
from registry.facts.nodes import EngineEvent, EventCursor

BUFFER: Final = 256
SECOND: Final = 1_000_000_000
# The engine takes an event's time before it queues for the buffer, so neighbours may stand in the
# wrong order there, and a search from the newest backwards stops at the first too old one.
_DISORDER: Final = SECOND // 1000

# What says nothing of a container's life; every health check makes three exec_*. Docker tells a
# change of health as "health_status: unhealthy"; the bare word is Podman's, at every check.
_NOISE: Final = frozenset(
    {"archive-path", "attach", "cleanup", "copy", "detach", "export", "extract-to-dir"}
    | {"health_status", "init", "mount", "resize", "sync", "top", "unmount"}
)


@dataclass(frozen=True, slots=True)
class News:
    """What one reading of the events told; `touched` are ids of containers to look at anew."""

    events: tuple[EngineEvent, ...]
    cursor: EventCursor
    lost: bool
    touched: frozenset[str]


def window(cursor: EventCursor | None, now_nano: int) -> tuple[int, int]:
    """Return `since` and `until` to ask for, in nanoseconds of the engine's clock.

    An engine whose clock was set back by more than a second is asked as one never seen.
    """
    if cursor is None or cursor.time_nano > now_nano + SECOND:
        return 0, now_nano
    return max(cursor.time_nano - _DISORDER, 0), max(cursor.time_nano, now_nano)


def read(lines: list[wire.Event], cursor: EventCursor | None, now_nano: int) -> News:
    """Tell the new events from those that were read before.

    At first sight none is new: what happened before a node was watched is not its watched history,
    and a crash of yesterday must not raise today's alarm. The state it left is seen by inspection.
    """
    if cursor is None:
        return News((), _cursor_at(lines, now_nano), lost=False, touched=frozenset())
    if cursor.time_nano > now_nano + SECOND:
        return News((), _cursor_at(lines, now_nano), lost=True, touched=frozenset())
    seen = set(cursor.keys)
    new = [line for line in lines if _stamp(line) not in seen]
    # A cursor without keys was taken while the engine held no event to come back.
    lost = len(new) == len(lines) if seen else len(lines) >= BUFFER
    if not new and not lost:
        return News((), cursor, lost=False, touched=frozenset())
    return _told(new, _cursor_at(lines, cursor.time_nano), lost=lost)


def _told(new: list[wire.Event], cursor: EventCursor, *, lost: bool) -> News:
    of_containers = [line for line in new if line.type == "container" and line.actor.id]
    events = (_event(line) for line in of_containers if _tells(line.action))
    touched = (line.actor.id for line in of_containers if _touches(line.action))
    return News(tuple(sorted(events, key=_time)), cursor, lost, frozenset(touched))


def _cursor_at(lines: list[wire.Event], otherwise: int) -> EventCursor:
    """Stand at the newest event, remembering those so close to it that they will come again."""
    newest = max((line.time_nano for line in lines), default=otherwise)
    near = (line for line in lines if line.time_nano >= newest - _DISORDER)
    return EventCursor(newest, tuple(_stamp(line) for line in near))


def _stamp(line: wire.Event) -> str:
    return f"{line.time_nano}:{line.type}:{line.actor.id}:{line.action}"


def _time(event: EngineEvent) -> int:
    return event.time_nano


def _tells(action: str) -> bool:
    return action not in _NOISE and not action.startswith("exec")


def _touches(action: str) -> bool:
    return action == "health_status" or _tells(action)


def _event(line: wire.Event) -> EngineEvent:
    attributes = line.actor.attributes or wire.Attributes()
    code = attributes.exit_code
    return EngineEvent(
        time_nano=line.time_nano,
        kind=line.type,
        action=line.action,
        container_id=line.actor.id,
        name=attributes.name,
        image=attributes.image,
        exit_code=int(code)
        if line.action == "die" and code.isdecimal() and len(code) < 6
        else None,
    )
