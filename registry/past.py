"""What was on a node at a moment, what changed, what restarted; and when nobody knows.

The rules are SQL functions of the schema `dashboard`, so that REST and Grafana cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, TextClause, column, select, text

from registry.errors import FieldFault, Invalid
from registry.facts.containers import ContainerFacts
from registry.paging import Page, decode_cursor, encode_cursor
from registry.session import Connection
from registry.snapshots import FACT_COLUMNS
from registry.stored import decode

LineT = TypeVar("LineT", "ChangeRow", "RestartRow")


class ChangeKind(StrEnum):
    """What a line of a node's story tells: a container's change, or that there may be unknown ones."""

    FIRST_SEEN = "first_seen"
    APPEARED = "appeared"
    CHANGED = "changed"
    DISAPPEARED = "disappeared"
    NOT_SEEN = "not_seen"
    EVENTS_LOST = "events_lost"


@dataclass(frozen=True, slots=True)
class Unknown:
    """Why nobody knows how a node was: from when until when; None is no such end."""

    reason: str
    unknown_from: datetime | None
    unknown_until: datetime | None


@dataclass(frozen=True, slots=True)
class PastNode:
    """A node at a moment: its containers as last seen then; `unknown` says why that is not how it was."""

    at: datetime
    unknown: Unknown | None
    containers: tuple[ContainerFacts, ...]


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One line of a node's story. `fields` maps a container's fact to what it was and became.

    Of a gap (not_seen, events_lost) `reason` says why, `lasted_until` how long; None: it lasts.
    """

    at: datetime
    change: ChangeKind
    container_id: str | None
    name: str | None
    image: str | None
    fields: Mapping[str, tuple[object, object]]
    reason: str | None
    lasted_until: datetime | None


@dataclass(frozen=True, slots=True)
class RestartRow:
    """A container's death, by the engine's clock, and when it was started after it; None: not yet.

    `at` is when we learned of it. `unseen` is how many restarts the engine counted while nobody saw
    them: of those `died_at` is None, and the rest tells of the last.
    """

    at: datetime
    container_id: str
    name: str
    image: str
    died_at: datetime | None
    exit_code: int | None
    oom_killed: bool
    started_at: datetime | None
    unseen: int


_USUAL_WINDOW = timedelta(days=1)

_UNKNOWN_AT = text("SELECT * FROM dashboard.unknown_at(:node, :at, :interval)")
_NAMES: tuple[ColumnElement[Any], ...] = tuple(column(fact.name) for fact in FACT_COLUMNS)
_CONTAINERS_AT = (
    select(*_NAMES)
    .select_from(text("dashboard.containers_at(:node, :at)"))
    .order_by(column("name"), column("container_id"))
)

# A moment and a place in it: as many lines have one `at` as containers changed in one scrape.
_CHANGES = text("""
    SELECT * FROM (
        SELECT *, concat_ws('/', change, container_id) AS place
        FROM dashboard.changes(:node, :since, :until)
    ) AS line
    WHERE CAST(:last_at AS timestamptz) IS NULL OR (at, place) < (:last_at, :last_place)
    ORDER BY at DESC, place DESC
    LIMIT :limit
""")
_RESTARTS = text("""
    SELECT * FROM (
        SELECT *, concat_ws('/', container_id, died_at) AS place
        FROM dashboard.restarts(:node, :since, :until)
        WHERE CAST(:container AS text) IS NULL
           OR name = :container OR starts_with(container_id, :container)
    ) AS line
    WHERE CAST(:last_at AS timestamptz) IS NULL OR (at, place) < (:last_at, :last_place)
    ORDER BY at DESC, place DESC
    LIMIT :limit
""")


def window(
    since: datetime | None, until: datetime | None, now: datetime
) -> tuple[datetime, datetime]:
    """Return the time that is asked about: until now, and a day of it, unless said otherwise.

    Raises Invalid for one that has no length.
    """
    end = until or now
    begin = since or end - _USUAL_WINDOW
    if begin >= end:
        fault = FieldFault(
            "since", "before_until", "must be earlier than `until`, which is now if none is given"
        )
        raise Invalid((fault,))
    return begin, end


async def read_past(
    tx: Connection, node: str, at: datetime | None, now: datetime, default_interval: float
) -> PastNode:
    """Return how a node was at a moment (None: now), as far as that is known.

    `default_interval` (seconds) is for nodes that have none of their own. Raises Invalid for a
    moment that is still to come.
    """
    at = at or now
    if at > now:
        raise Invalid((FieldFault("at", "past", "must not be later than now"),))
    values = {"node": node, "at": at, "interval": default_interval}
    unknown = (await tx.execute(_UNKNOWN_AT, values)).one_or_none()
    rows = await tx.execute(_CONTAINERS_AT, {"node": node, "at": at})
    return PastNode(
        at,
        None if unknown is None else Unknown(*unknown),
        tuple(decode(row, ContainerFacts) for row in rows),
    )


async def list_changes(
    tx: Connection,
    node: str,
    *,
    since: datetime,
    until: datetime,
    limit: int,
    cursor: str | None = None,
) -> Page[ChangeRow]:
    """List what changed on a node since one moment and before another, the newest first.

    What is not known is in the list, too. Raises Invalid for a cursor that is not this list's.
    """
    return await _page(tx, _CHANGES, ChangeRow, cursor, limit, node=node, since=since, until=until)


async def list_restarts(
    tx: Connection,
    node: str,
    *,
    since: datetime,
    until: datetime,
    limit: int,
    container: str | None = None,
    cursor: str | None = None,
) -> Page[RestartRow]:
    """List the deaths of a node's containers, those that were learned of last first.

    `container` is a whole name or the beginning of an id. Raises Invalid for a cursor that is not
    this list's.
    """
    values = {"node": node, "since": since, "until": until, "container": container}
    return await _page(tx, _RESTARTS, RestartRow, cursor, limit, **values)


async def _page(
    tx: Connection,
    query: TextClause,
    line: type[LineT],
    cursor: str | None,
    limit: int,
    **values: object,
) -> Page[LineT]:
    last_at, last_place = (None, "") if cursor is None else decode_cursor(cursor, str, str)
    values |= {"limit": limit + 1, "last_at": last_at, "last_place": last_place}
    rows = (await tx.execute(query, values)).all()
    found = [decode(row, line) for row in rows[:limit]]
    if len(rows) <= limit:
        return Page(found, None)
    last = rows[limit - 1]
    return Page(found, encode_cursor(last.at.isoformat(), last.place))
