"""The whole fleet, and one node, as the exporter shows them: newest state only, few statements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import TextClause, text

from registry.audit import Head, read_head
from registry.collectors import CollectorStatus, list_collectors
from registry.facts.containers import ContainerFacts, ContainerSample
from registry.facts.nodes import DiskUsage, EngineFacts
from registry.facts.outcomes import Cost, Failure
from registry.fleet_domains import (
    BOTH_ENDS,
    CertificateDates,
    ChangeCount,
    DomainStatus,
    EndpointStatus,
    KnownStatus,
    count_changes,
    list_known,
)
from registry.newer import read_newer
from registry.samples import read_samples, unpack
from registry.schedule import Defaults
from registry.session import Connection
from registry.snapshots import count_open, read_open
from registry.stored import decode, make_failure
from registry.ticks import stale_after

StatusT = TypeVar("StatusT")


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """A node and what was last learned of it.

    `interval_seconds` has the default applied; `version` rises when a container or the engine
    changes; `scrapes_total` counts every scrape, `failures_total` the failed ones of them;
    `containers` maps a state to the number of containers in it.
    """

    name: str
    labels: Mapping[str, str]
    enabled: bool
    interval_seconds: float
    created_at: datetime
    version: int
    last_attempt_at: datetime | None
    last_success_at: datetime | None
    failure: Failure | None
    consecutive_failures: int
    scrapes_total: int
    failures_total: int
    engine: EngineFacts | None
    cost: Cost | None
    containers: Mapping[str, int]
    disk: DiskUsage | None = None
    certificate: CertificateDates | None = None
    client_certificate: CertificateDates | None = None


@dataclass(frozen=True, slots=True)
class NodePage:
    """All that a node's own metrics page shows; `ooms` counts, by name, ends of memory."""

    status: NodeStatus
    containers: tuple[ContainerFacts, ...]
    samples: tuple[ContainerSample, ...]
    ooms: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventCount:
    """How often an event happened to a container of that name on a node; never falls, and goes with the last trace of it."""

    node: str
    name: str
    event: str
    total: int


@dataclass(frozen=True, slots=True)
class GapCount:
    """How many gaps the history of a node has; `kind` is state (not seen) or events (lost)."""

    node: str
    kind: str
    total: int


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything the fleet's metrics page shows, as of `now`.

    A target is overdue when it is enabled, its tick has passed, and no collector holds a live lease.
    """

    now: datetime
    nodes: tuple[NodeStatus, ...]
    domains: tuple[DomainStatus, ...]
    endpoints: tuple[EndpointStatus, ...]
    event_counts: tuple[EventCount, ...]
    gap_counts: tuple[GapCount, ...]
    collectors: tuple[CollectorStatus, ...]
    head: Head
    overdue_targets: int
    oldest_overdue_seconds: float
    certificate_changes: tuple[ChangeCount, ...] = ()
    known: tuple[KnownStatus, ...] = ()


def is_fresh(status: NodeStatus, now: datetime) -> bool:
    """Tell whether the node was seen so lately that its numbers still count as now."""
    if status.last_success_at is None:
        return False
    age = (now - status.last_success_at).total_seconds()
    return age <= stale_after(status.interval_seconds)


# ---------------------------------------------------------------------------- queries

_NODE_COLUMNS = f"""
    SELECT n.id, n.name, n.labels, n.enabled, n.created_at,
           coalesce(n.interval_seconds, :interval) AS interval_seconds, st.*
    {BOTH_ENDS}
"""
_NODE_TABLES = " FROM vps_nodes n JOIN node_state st ON st.node_id = n.id "
_ALL_NODES = text(_NODE_COLUMNS + _NODE_TABLES + "ORDER BY n.name")
_ONE_NODE = text(_NODE_COLUMNS + _NODE_TABLES + "WHERE n.name = :name")
_OOMS = """
    , (SELECT jsonb_object_agg(c.name, c.total) FROM event_counters c
       WHERE c.node_id = n.id AND c.event = 'oom') AS ooms
"""
_NUMBERS = text(
    _NODE_COLUMNS
    + ", s.data"
    + _OOMS
    + _NODE_TABLES
    + "LEFT JOIN node_samples s ON s.node_id = n.id WHERE n.name = :name"
)

_DOMAINS = text("""
    SELECT d.id, d.name, d.port, d.server_name, n.name AS node, d.container, d.enabled, st.*
    FROM domains d JOIN domain_state st ON st.domain_id = d.id
    LEFT JOIN vps_nodes n ON n.id = d.node_id
    ORDER BY d.id
""")

_ENDPOINTS = text("""
    SELECT e.domain_id, d.name AS domain, e.port, d.starttls, d.server_name, e.address,
           e.last_attempt_at, e.last_success_at, e.failure_reason, e.failure_detail, e.seconds,
           e.verdict, e.fingerprint, c.subject, c.issuer, c.serial_number,
           coalesce(c.sans, '{}') AS sans, c.not_before, c.not_after, e.chain_not_after,
           e.tls_version, e.cipher, e.alpn, coalesce(e.faults, '[]') AS faults,
           coalesce(e.source, 'resolved') AS source, e.staple, e.sent_not_after, e.serving_since,
           coalesce(e.renewals_total, 0) AS renewals_total
    FROM endpoints e
    JOIN domains d ON d.id = e.domain_id
    LEFT JOIN certificates c ON c.fingerprint = e.fingerprint
    ORDER BY e.domain_id, e.address, e.port
""")

_EVENT_COUNTS = text("""
    SELECT n.name AS node, c.name, c.event, c.total
    FROM event_counters c JOIN vps_nodes n ON n.id = c.node_id
    ORDER BY n.name, c.name, c.event
""")

_GAP_COUNTS = text("""
    SELECT n.name AS node, g.kind, count(*) AS total
    FROM node_gaps g JOIN vps_nodes n ON n.id = g.node_id
    GROUP BY n.name, g.kind
    ORDER BY n.name, g.kind
""")

_OVERDUE = text("""
    SELECT count(*) AS targets,
           coalesce(extract(epoch FROM :now - min(s.next_due_at)), 0)::float8 AS oldest_seconds
    FROM schedule s
    LEFT JOIN vps_nodes n ON n.id = s.node_id
    LEFT JOIN domains d ON d.id = s.domain_id
    WHERE coalesce(n.enabled, d.enabled)
      AND s.next_due_at < :now AND (s.lease_until IS NULL OR s.lease_until <= :now)
""")


async def _rows(
    tx: Connection, statement: TextClause, values: Mapping[str, object] | None = None
) -> list[dict[str, Any]]:
    # By hand: SQLAlchemy's own mappings take longer than all the rest of reading a fleet.
    result = await tx.execute(statement, values)
    names = tuple(result.keys())
    return [dict(zip(names, row, strict=True)) for row in result]


def _decode(row: Mapping[str, Any], status: type[StatusT], **more: object) -> StatusT:
    """Make a status of a row whose last outcome lies in two columns."""
    failure = make_failure(row["failure_reason"], row["failure_detail"])
    return decode({**row, **more, "failure": failure}, status)


# ---------------------------------------------------------------------------- one node


async def read_node_status(tx: Connection, name: str, defaults: Defaults) -> NodeStatus | None:
    """Return what was last learned of a node; None where no node has that name."""
    for row in await _rows(tx, _ONE_NODE, {"name": name, "interval": defaults.scrape_interval}):
        counts = await count_open(tx, row["id"])
        return _decode(row, NodeStatus, containers=counts.get(row["id"], {}))
    return None


async def read_node_page(tx: Connection, name: str, defaults: Defaults) -> NodePage | None:
    """Return all that a node's page shows; None where no node has that name."""
    # The status comes first: what is read after it is at least as new as its version.
    for row in await _rows(tx, _ONE_NODE, {"name": name, "interval": defaults.scrape_interval}):
        containers = (await read_open(tx, [row["id"]])).get(row["id"], {}).values()
        return NodePage(
            status=_decode(row, NodeStatus, containers=Counter(c.state for c in containers)),
            containers=tuple(containers),
            samples=await read_samples(tx, row["id"]),
        )
    return None


async def read_node_numbers(tx: Connection, name: str, defaults: Defaults) -> NodePage | None:
    """Return a node's page without its containers, neither listed nor counted, in one statement.

    Enough for who knows the containers of that version already.
    """
    for row in await _rows(tx, _NUMBERS, {"name": name, "interval": defaults.scrape_interval}):
        samples = unpack(row["data"]) if row["data"] else ()
        return NodePage(_decode(row, NodeStatus, containers={}), (), samples, row["ooms"] or {})
    return None


# ---------------------------------------------------------------------------- the whole fleet


async def read_fleet(tx: Connection, now: datetime, defaults: Defaults) -> Fleet:
    """Return everything the fleet's metrics page shows: nodes by name, the rest in a settled order."""
    nodes = await _rows(tx, _ALL_NODES, {"interval": defaults.scrape_interval})
    counts = await count_open(tx)
    overdue = (await tx.execute(_OVERDUE, {"now": now})).one()
    return Fleet(
        now=now,
        nodes=tuple(_decode(n, NodeStatus, containers=counts.get(n["id"], {})) for n in nodes),
        domains=tuple(_decode(row, DomainStatus) for row in await _rows(tx, _DOMAINS)),
        endpoints=await _endpoints(tx, now),
        event_counts=tuple(decode(row, EventCount) for row in await _rows(tx, _EVENT_COUNTS)),
        gap_counts=tuple(decode(row, GapCount) for row in await _rows(tx, _GAP_COUNTS)),
        collectors=await list_collectors(tx),
        head=await read_head(tx),
        overdue_targets=overdue.targets,
        oldest_overdue_seconds=overdue.oldest_seconds,
        certificate_changes=await count_changes(tx),
        known=await list_known(tx),
    )


async def _endpoints(tx: Connection, now: datetime) -> tuple[EndpointStatus, ...]:
    newer = await read_newer(tx, now)
    return tuple(
        _decode(
            row, EndpointStatus, newer=newer.get((row["domain_id"], row["address"], row["port"]))
        )
        for row in await _rows(tx, _ENDPOINTS)
    )
