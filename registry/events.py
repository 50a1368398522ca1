"""What engines reported as having happened, and how often each thing did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from registry.facts.nodes import EngineEvent
from registry.session import Connection
from registry.stored import encode_rows

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Happened:
    """The events of one scrape, oldest first."""

    node_id: int
    at: datetime
    events: tuple[EngineEvent, ...]


# How a death's counter is named, beside "die", which counts all: "die: error".
DEATH = "die: "

# Counted in the statement that stores them, so a counter is never apart from its events. Events of
# networks and volumes have no container to be counted by. Of exit codes the class is counted: a code
# above 128 is a signal's number and 128, and each of 256 codes a series would be too many.
_WRITE = text("""
    WITH stored AS (
        INSERT INTO events (recorded_at, node_id, time, time_nano, kind, action, container_id, name,
                            image, exit_code)
        SELECT recorded_at, node_id, time, time_nano, kind, action, container_id, name,
               image, exit_code
        FROM json_populate_recordset(CAST(NULL AS events), CAST(:rows AS json))
        RETURNING node_id, kind, name, action, exit_code
    ), counted AS (
        SELECT node_id, name, action AS event FROM stored WHERE kind = 'container'
        UNION ALL
        SELECT node_id, name,
               :death || CASE WHEN exit_code = 0 THEN 'success'
                              WHEN exit_code > 128 THEN 'signal' ELSE 'error' END
        FROM stored WHERE kind = 'container' AND action = 'die' AND exit_code IS NOT NULL
    )
    INSERT INTO event_counters AS c (node_id, name, event, total)
    SELECT node_id, name, event, count(*) FROM counted
    GROUP BY node_id, name, event
    ON CONFLICT (node_id, name, event) DO UPDATE SET total = c.total + excluded.total
""")


async def write_events(tx: Connection, scrapes: Sequence[Happened]) -> None:
    """Store events and raise their counters, which never fall."""
    rows = [_row(scrape, event) for scrape in scrapes for event in scrape.events]
    if rows:
        await tx.execute(_WRITE, {"rows": encode_rows(rows), "death": DEATH})


def _row(scrape: Happened, event: EngineEvent) -> dict[str, object]:
    return {
        "recorded_at": scrape.at,
        "node_id": scrape.node_id,
        "time": _EPOCH + timedelta(microseconds=event.time_nano // 1000),
        "time_nano": event.time_nano,
        "kind": event.kind,
        "action": event.action,
        "container_id": event.container_id,
        "name": event.name,
        "image": event.image,
        "exit_code": event.exit_code,
    }
