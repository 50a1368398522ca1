"""What was seen, for people to read: containers, events, certificates, page by page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, func, literal_column, select, tuple_

from registry.errors import NotFound
from registry.facts.containers import ContainerFacts, ContainerState
from registry.facts.domains import CertificateFacts, CertificateSource
from registry.models import (
    certificates,
    container_snapshots,
    domains,
    endpoints,
    events,
    known_certificates,
    vps_nodes,
)
from registry.paging import Page, decode_cursor, encode_cursor
from registry.session import Connection
from registry.snapshots import FACT_COLUMNS, IS_OPEN
from registry.stored import decode

RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True)
class ContainerRow:
    """A container as it is now on the node of that name, and since when it is so."""

    node: str
    facts: ContainerFacts
    seen_from: datetime


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event: `recorded_at` is our clock, `time` and `time_nano` the engine's."""

    id: int
    node: str
    recorded_at: datetime
    time: datetime
    time_nano: int
    kind: str
    action: str
    container_id: str
    name: str
    image: str
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class ServingEndpoint:
    """An address of a domain whose last successful probe showed the certificate."""

    domain_id: int
    domain: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class KnownPlace:
    """A file on a collector's host that holds the certificate, or an upload of it."""

    source: CertificateSource
    host: str
    place: str


@dataclass(frozen=True, slots=True)
class CertificateRow:
    """A certificate, when it was seen, where it is served now, and where else it is known.

    `issuers` is the DER of what was last sent or stored behind it.
    """

    facts: CertificateFacts
    first_seen_at: datetime
    last_seen_at: datetime
    endpoints: tuple[ServingEndpoint, ...]
    known: tuple[KnownPlace, ...] = ()
    issuers: tuple[bytes, ...] = ()


async def list_containers(
    tx: Connection,
    *,
    limit: int,
    cursor: str | None = None,
    node: str | None = None,
    state: ContainerState | None = None,
    name: str | None = None,
) -> Page[ContainerRow]:
    """List the containers of every node as they are now, by node, name and id.

    `node` and `name` are whole names. Raises Invalid for a cursor that is not this list's.
    """
    snapshot = container_snapshots.c
    key = (vps_nodes.c.name, snapshot.name, snapshot.container_id)
    query = (
        select(vps_nodes.c.name.label("node"), *FACT_COLUMNS, snapshot.seen_from)
        .join_from(container_snapshots, vps_nodes)
        .where(
            IS_OPEN,
            *_equal((vps_nodes.c.name, node), (snapshot.state, state), (snapshot.name, name)),
        )
        .order_by(*key)
        .limit(limit + 1)
    )
    if cursor is not None:
        query = query.where(tuple_(*key) > decode_cursor(cursor, str, str, str))
    rows = await tx.execute(query)
    found = [ContainerRow(row.node, decode(row, ContainerFacts), row.seen_from) for row in rows]
    return _page(found, limit, lambda row: (row.node, row.facts.name, row.facts.container_id))


async def list_events(
    tx: Connection,
    *,
    limit: int,
    cursor: str | None = None,
    node: str | None = None,
    action: str | None = None,
    name: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Page[EventRow]:
    """List events, those recorded last first; `since` and `until` (not included) go by our clock.

    `node`, `action` and `name` are whole. Raises Invalid for a cursor that is not this list's.
    """
    event = events.c
    columns = (event[field.name] for field in fields(EventRow) if field.name != "node")
    query = (
        select(vps_nodes.c.name.label("node"), *columns)
        .join_from(events, vps_nodes)
        .where(*_equal((vps_nodes.c.name, node), (event.action, action), (event.name, name)))
        .order_by(event.id.desc())
        .limit(limit + 1)
    )
    if since is not None:
        query = query.where(event.recorded_at >= since)
    if until is not None:
        query = query.where(event.recorded_at < until)
    if cursor is not None:
        query = query.where(event.id < decode_cursor(cursor, int)[0])
    found = [decode(row, EventRow) for row in await tx.execute(query)]
    return _page(found, limit, lambda row: (row.id,))


async def list_certificates(
    tx: Connection,
    *,
    limit: int,
    cursor: str | None = None,
    expires_before: datetime | None = None,
) -> Page[CertificateRow]:
    """List certificates, those that end first first; those that cannot be parsed have no end.

    Raises Invalid for a cursor that is not this list's.
    """
    end = func.coalesce(certificates.c.not_after, literal_column("'infinity'"))
    key = (end, certificates.c.fingerprint)
    query = select(certificates).order_by(*key).limit(limit + 1)
    if expires_before is not None:
        query = query.where(certificates.c.not_after < expires_before)
    if cursor is not None:
        (last,) = decode_cursor(cursor, str)
        before = select(*key).where(certificates.c.fingerprint == last).scalar_subquery()
        query = query.where(tuple_(*key) > before)
    found = await _with_places(tx, (await tx.execute(query)).all())
    return _page(found, limit, lambda row: (row.facts.fingerprint,))


async def get_certificate(tx: Connection, fingerprint: str) -> CertificateRow:
    """Return one certificate; raises NotFound for a fingerprint that was never seen."""
    query = select(certificates).where(certificates.c.fingerprint == fingerprint)
    for row in await _with_places(tx, (await tx.execute(query)).all()):
        return row
    raise NotFound("certificate", fingerprint)


async def _with_places(tx: Connection, rows: Sequence[Row[Any]]) -> list[CertificateRow]:
    """Add to each certificate the endpoints that serve it, and the files and uploads that hold it."""
    fingerprints = [row.fingerprint for row in rows]
    serving = await _serving(tx, fingerprints)
    known = await _known(tx, fingerprints)
    return [
        CertificateRow(
            facts=decode(row, CertificateFacts),
            first_seen_at=row.first_seen_at,
            last_seen_at=row.last_seen_at,
            endpoints=tuple(serving[row.fingerprint]),
            known=tuple(known[row.fingerprint]),
            issuers=tuple(row.issuers or ()),
        )
        for row in rows
    ]


async def _serving(tx: Connection, fingerprints: Sequence[str]) -> dict[str, list[ServingEndpoint]]:
    endpoint, domain = endpoints.c, domains.c
    query = (
        select(endpoint.fingerprint, domain.id, domain.name, endpoint.address, endpoint.port)
        .join_from(endpoints, domains)
        .where(endpoint.fingerprint.in_(fingerprints))
        .order_by(domain.name, domain.id, endpoint.address)
    )
    found: dict[str, list[ServingEndpoint]] = defaultdict(list)
    for fingerprint, *place in await tx.execute(query):
        found[fingerprint].append(ServingEndpoint(*place))
    return found


async def _known(tx: Connection, fingerprints: Sequence[str]) -> dict[str, list[KnownPlace]]:
    known = known_certificates.c
    key = (known.source, known.host, known.place)
    query = select(known.fingerprint, *key).where(known.fingerprint.in_(fingerprints))
    found: dict[str, list[KnownPlace]] = defaultdict(list)
    for row in await tx.execute(query.order_by(*key)):
        found[row.fingerprint].append(decode(row, KnownPlace))
    return found


# ---------------------------------------------------------------------------- filters and positions


def _equal(*pairs: tuple[ColumnElement[Any], object | None]) -> list[ColumnElement[bool]]:
    return [column == value for column, value in pairs if value is not None]


def _page(found: list[RowT], limit: int, key: Callable[[RowT], tuple[object, ...]]) -> Page[RowT]:
    """Cut off the row that was read beyond the limit; it says that there is a next page."""
    if len(found) <= limit:
        return Page(found, None)
    return Page(found[:limit], encode_cursor(*key(found[limit - 1])))
