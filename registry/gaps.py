"""When a node's past is unknown: it was not seen, or its engine lost events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import text

from registry.facts.outcomes import Failure
from registry.session import Connection
from registry.states import Before
from registry.stored import encode_rows
from registry.ticks import stale_after

# Reasons beside those of a failure: no collector asked; the engine's buffer no longer held them.
NOT_ASKED = "not_asked"
LOST = "lost"


@dataclass(frozen=True, slots=True)
class Gap:
    """A time for which a node's containers (`state`) or events (`events`) are unknown."""

    node_id: int
    kind: Literal["state", "events"]
    gap_from: datetime
    gap_until: datetime | Literal["infinity"]
    reason: str


def opened_gap(node_id: int, before: Before, failure: Failure) -> Gap | None:
    """Return the gap that a first failure opens: from when the node was last seen, if ever it was."""
    if before.failing or before.last_success_at is None:
        return None
    return Gap(node_id, "state", before.last_success_at, "infinity", failure.reason)


def gaps_behind(
    node_id: int, before: Before, at: datetime, interval: float, *, events_lost: bool
) -> list[Gap]:
    """Return the gaps that a success at `at` shows to lie behind it; `interval` in seconds.

    Lost events happened after the scrape that moved the cursor last, which is the last success, by
    our own clock: an engine's may lie.
    """
    seen = before.last_success_at
    if seen is None:
        return []
    gaps = []
    if not before.failing and (at - seen).total_seconds() > stale_after(interval):
        gaps.append(Gap(node_id, "state", seen, at, NOT_ASKED))
    if events_lost:
        gaps.append(Gap(node_id, "events", seen, at, LOST))
    return gaps


# An engine that is always too busy makes one growing gap, not one a scrape.
_WRITE = text("""
    INSERT INTO node_gaps AS g (node_id, kind, gap_from, gap_until, reason)
    SELECT r.node_id, r.kind, coalesce(prior.gap_from, r.gap_from), r.gap_until, r.reason
    FROM json_populate_recordset(CAST(NULL AS node_gaps), CAST(:rows AS json)) r
    LEFT JOIN node_gaps prior ON prior.node_id = r.node_id AND prior.kind = r.kind
                             AND prior.kind = 'events' AND prior.gap_until = r.gap_from
    ON CONFLICT (node_id, kind, gap_from) DO UPDATE SET gap_until = excluded.gap_until
""")

_CLOSE = text("""
    UPDATE node_gaps g
    SET gap_until = r.gap_until
    FROM json_populate_recordset(CAST(NULL AS node_gaps), CAST(:rows AS json)) r
    WHERE g.node_id = r.node_id AND g.kind = 'state' AND g.gap_until = 'infinity'
""")


async def write_gaps(tx: Connection, gaps: Sequence[Gap]) -> None:
    """Record gaps; lost events that follow on a gap make that gap longer."""
    if gaps:
        await tx.execute(_WRITE, {"rows": encode_rows(gaps)})


async def close_gaps(tx: Connection, seen: Sequence[tuple[int, datetime]]) -> None:
    """End the open gap of each node (id) that was seen again at a moment."""
    rows = [{"node_id": node_id, "gap_until": at} for node_id, at in seen]
    if rows:
        await tx.execute(_CLOSE, {"rows": encode_rows(rows)})
