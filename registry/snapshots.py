"""Containers over time: a row for as long as a container did not change (docs/adr/0005)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import func, literal_column, select, text

from registry.facts.containers import ContainerFacts
from registry.models import container_snapshots
from registry.session import Connection
from registry.stored import decode, encode_rows

_NAMES = tuple(field.name for field in fields(ContainerFacts))

# The columns that hold ContainerFacts, and what tells an open row from a closed one.
FACT_COLUMNS = tuple(container_snapshots.c[name] for name in _NAMES)
IS_OPEN = container_snapshots.c.seen_until == literal_column("'infinity'")

Containers = Mapping[str, ContainerFacts]


@dataclass(frozen=True, slots=True)
class Change:
    """What differs between two scrapes of a node; a container that changed is in both."""

    node_id: int
    at: datetime
    closed: tuple[str, ...]
    opened: tuple[ContainerFacts, ...]


def diff(node_id: int, at: datetime, before: Containers, after: Containers) -> Change | None:
    """Compare two scrapes by container id; None when nothing changed."""
    # The probe hands over the very same objects where nothing changed, which dict equality sees first.
    if before == after:
        return None
    closed = tuple(key for key, facts in before.items() if after.get(key) != facts)
    opened = tuple(facts for key, facts in after.items() if before.get(key) != facts)
    return Change(node_id, at, closed, opened)


# ---------------------------------------------------------------------------- writing

# JSON for all rows at once: at the few rows that a batch changes, twice as fast as COPY into a temporary
# table, and no table is made and dropped (which bloats the catalog) for each change in the fleet.
_CLOSE = text("""
    UPDATE container_snapshots s
    SET seen_until = r.seen_until
    FROM json_populate_recordset(CAST(NULL AS container_snapshots), CAST(:rows AS json)) r
    WHERE s.node_id = r.node_id AND s.container_id = r.container_id AND s.seen_until = 'infinity'
""")

_OPEN = text("""
    INSERT INTO container_snapshots
    SELECT * FROM json_populate_recordset(CAST(NULL AS container_snapshots), CAST(:rows AS json))
""")


async def write_changes(tx: Connection, changes: Sequence[Change]) -> None:
    """Close the rows of what changed or went (each moves to the partition of its day), then open new."""
    closed = [
        {"node_id": change.node_id, "container_id": container_id, "seen_until": change.at}
        for change in changes
        for container_id in change.closed
    ]
    opened = [_open_row(change, facts) for change in changes for facts in change.opened]
    if closed:
        await tx.execute(_CLOSE, {"rows": encode_rows(closed)})
    if opened:
        await tx.execute(_OPEN, {"rows": encode_rows(opened)})


def _open_row(change: Change, facts: ContainerFacts) -> dict[str, object]:
    row: dict[str, object] = {name: getattr(facts, name) for name in _NAMES}
    row |= {"node_id": change.node_id, "seen_from": change.at, "seen_until": "infinity"}
    return row


# ---------------------------------------------------------------------------- reading


async def read_open(
    tx: Connection, node_ids: Sequence[int]
) -> dict[int, dict[str, ContainerFacts]]:
    """Return the containers of nodes as they are now, by node and container id."""
    node_id = container_snapshots.c.node_id
    query = select(node_id, *FACT_COLUMNS).where(IS_OPEN, node_id.in_(node_ids))
    found: dict[int, dict[str, ContainerFacts]] = defaultdict(dict)
    for row in await tx.execute(query):
        found[row.node_id][row.container_id] = decode(row, ContainerFacts)
    return found


async def count_open(tx: Connection, *node_ids: int) -> dict[int, dict[str, int]]:
    """Count containers as they are now, by node and state: of these nodes, or of all."""
    snapshot = container_snapshots.c
    query = select(snapshot.node_id, snapshot.state, func.count()).where(IS_OPEN)
    if node_ids:
        query = query.where(snapshot.node_id.in_(node_ids))
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    for found, state, number in await tx.execute(query.group_by(snapshot.node_id, snapshot.state)):
        counts[found][state] = number
    return counts
