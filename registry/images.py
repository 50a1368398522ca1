"""When a container of a name runs another image than the one before it did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from registry.events import Happened
from registry.facts.containers import ContainerFacts
from registry.facts.nodes import EngineEvent
from registry.session import Connection
from registry.snapshots import Change
from registry.stored import encode_rows

# Ours among the engine's own actions: no engine reports it.
ACTION = "image_changed"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# How long a name may be away and still be the same service; so much of the past is searched.
_MEMORY = timedelta(days=7)

_FORMER = text("""
    SELECT new.node_id, new.container_id
    FROM json_to_recordset(CAST(:rows AS json))
         AS new (node_id bigint, container_id text, name text, image_id text, at timestamptz)
    CROSS JOIN LATERAL (
        SELECT s.image_id FROM container_snapshots s
        WHERE s.node_id = new.node_id AND s.name = new.name AND s.container_id <> new.container_id
          AND s.seen_until > :oldest AND s.seen_until <= new.at
        ORDER BY s.seen_until DESC, s.seen_from DESC LIMIT 1
    ) AS former
    WHERE former.image_id <> new.image_id
""")


async def new_images(tx: Connection, changes: Sequence[Change]) -> list[Happened]:
    """Return an event for each container that replaced one of its name and runs another image.

    Called when `changes` are written. The event names the image with the digest by which its
    registry knows it, or with its id where none does.
    """
    new = {
        (change.node_id, facts.container_id): (change, facts)
        for change in changes
        for facts in change.opened
        if facts.name and facts.container_id not in change.closed
    }
    if not new:
        return []
    oldest = min(change.at for change, _ in new.values()) - _MEMORY
    rows = encode_rows([_row(*pair) for pair in new.values()])
    found = await tx.execute(_FORMER, {"rows": rows, "oldest": oldest})
    return [_happened(*new[node_id, container_id]) for node_id, container_id in found]


def _row(change: Change, facts: ContainerFacts) -> dict[str, object]:
    return {
        "node_id": change.node_id,
        "container_id": facts.container_id,
        "name": facts.name,
        "image_id": facts.image_id,
        "at": change.at,
    }


def _happened(change: Change, facts: ContainerFacts) -> Happened:
    event = EngineEvent(
        time_nano=(change.at - _EPOCH) // timedelta(microseconds=1) * 1000,
        kind="container",
        action=ACTION,
        container_id=facts.container_id,
        name=facts.name,
        image=f"{facts.image.partition('@')[0]}@{facts.image_digest or facts.image_id}",
    )
    return Happened(change.node_id, change.at, (event,))
