"""Domains: the names whose TLS we watch. Every change is audited in its own transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, insert, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError

from registry.audit import Actor, append
from registry.endpoints import end_served
from registry.errors import Conflict, FieldFault, Invalid, NotFound
from registry.facts.domains import AddressSource, Fault, OcspStaple, StartTls, Verdict
from registry.facts.outcomes import Failure
from registry.models import certificates, domain_state, domains, endpoints, schedule, vps_nodes
from registry.newer import NewerCertificate, read_newer
from registry.paging import Page, decode_cursor, encode_cursor
from registry.schedule import request_now
from registry.session import Connection, database_now
from registry.specs import audited, changed
from registry.stored import decode, make_failure


@dataclass(frozen=True, slots=True)
class DomainSpec:
    """What is set of a domain. `server_name` None is the name itself; `node` is a node's name.

    Interval and time-out are seconds; None takes the setting's.
    """

    name: str
    port: int = 443
    starttls: StartTls = StartTls.NONE
    server_name: str | None = None
    node: str | None = None
    container: str | None = None
    container_port: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    enabled: bool = True
    interval_seconds: float | None = None
    timeout_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class EndpointState:
    """One address of a domain: how the last probe went, and what the last successful one showed.

    `newer` is a certificate for its name that is newer than the one it serves, and where it is.
    """

    address: str
    port: int
    last_attempt_at: datetime
    last_success_at: datetime | None
    failure: Failure | None
    verdict: Verdict | None
    faults: tuple[Fault, ...]
    fingerprint: str | None
    not_before: datetime | None
    not_after: datetime | None
    tls_version: str | None
    source: AddressSource = AddressSource.RESOLVED
    staple: OcspStaple | None = None
    serving_since: datetime | None = None
    renewals_total: int = 0
    newer: NewerCertificate | None = None


@dataclass(frozen=True, slots=True)
class DomainState:
    """What was last seen of a domain; `failure` says why no address answered."""

    last_attempt_at: datetime | None = None
    last_success_at: datetime | None = None
    failure: Failure | None = None
    consecutive_failures: int = 0
    endpoints: tuple[EndpointState, ...] = ()


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain in the registry, with its state."""

    id: int
    name: str
    port: int
    starttls: StartTls
    server_name: str | None
    node: str | None
    container: str | None
    container_port: int | None
    labels: Mapping[str, str]
    enabled: bool
    interval_seconds: float | None
    timeout_seconds: float | None
    created_at: datetime
    updated_at: datetime
    state: DomainState


_SPEC = tuple(field.name for field in fields(DomainSpec))
_TAKEN = FieldFault("name", "unique", "is watched already with this port and server name")
_UNIQUE = ["name", "port", "server_name"]


# ---------------------------------------------------------------------------- changing


async def create_domain(tx: Connection, spec: DomainSpec, actor: Actor, now: datetime) -> Domain:
    """Watch a domain; it is due at once.

    Raises Conflict when name, port and server name are watched already, Invalid for an unknown node.
    """
    values = {**await _columns(tx, spec), "created_at": now, "updated_at": now}
    made = upsert(domains).values(values).on_conflict_do_nothing(index_elements=_UNIQUE)
    domain_id = (await tx.execute(made.returning(domains.c.id))).scalar_one_or_none()
    if domain_id is None:
        raise Conflict(_TAKEN)
    state = {"consecutive_failures": 0, "probes_total": 0, "failures_total": 0}
    await tx.execute(insert(domain_state).values(domain_id=domain_id, **state))
    await tx.execute(insert(schedule).values(domain_id=domain_id, next_due_at=now))
    await _audit(tx, actor, "domain.create", domain_id, now, after=spec)
    return Domain(id=domain_id, **asdict(spec), created_at=now, updated_at=now, state=DomainState())


async def update_domain(
    tx: Connection, domain_id: int, changes: Mapping[str, object], actor: Actor, now: datetime
) -> Domain:
    """Change fields of a domain; it is due at once. A change that changes nothing leaves no trace.

    What was seen at the old name or port is forgotten. Raises NotFound, Conflict, Invalid.
    """
    domain = await get_domain(tx, domain_id, lock=True)
    before = _spec(domain)
    after = changed(before, changes)
    if after == before:
        return domain
    values = {**await _columns(tx, after), "updated_at": now}
    try:
        async with tx.begin_nested():
            await tx.execute(update(domains).where(domains.c.id == domain_id).values(values))
    except IntegrityError:
        raise Conflict(_TAKEN) from None
    state = domain.state
    if (after.name, after.port) != (before.name, before.port):
        await tx.execute(delete(endpoints).where(endpoints.c.domain_id == domain_id))
        await end_served(tx, domain_id, now)
        state = replace(state, endpoints=())
    await request_now(tx, domain_id=domain_id, now=now)
    await _audit(tx, actor, "domain.update", domain_id, now, before=before, after=after)
    return replace(domain, **asdict(after), updated_at=now, state=state)


async def delete_domain(tx: Connection, domain_id: int, actor: Actor, now: datetime) -> None:
    """Stop watching a domain; its certificates stay as long as the past does. Raises NotFound."""
    domain = await get_domain(tx, domain_id, lock=True)
    await tx.execute(delete(domains).where(domains.c.id == domain_id))
    await _audit(tx, actor, "domain.delete", domain_id, now, before=_spec(domain))


def _spec(domain: Domain) -> DomainSpec:
    return DomainSpec(**{name: getattr(domain, name) for name in _SPEC})


async def _columns(tx: Connection, spec: DomainSpec) -> dict[str, object]:
    """Return a spec as columns: a node's name becomes its id."""
    values = asdict(spec)
    name = values.pop("node")
    values["node_id"] = None
    if name is not None:
        # Held until the commit, lest the node be deleted or renamed in between.
        query = select(vps_nodes.c.id).where(vps_nodes.c.name == name).with_for_update(read=True)
        values["node_id"] = (await tx.execute(query)).scalar_one_or_none()
        if values["node_id"] is None:
            raise Invalid(
                (FieldFault("node", "exists", f"must be the name of a node, not {name}"),)
            )
    return values


async def _audit(
    tx: Connection,
    actor: Actor,
    action: str,
    domain_id: int,
    now: datetime,
    *,
    before: DomainSpec | None = None,
    after: DomainSpec | None = None,
) -> None:
    await append(
        tx,
        actor,
        action=action,
        target=f"domain/{domain_id}",
        before=audited(before) if before else None,
        after=audited(after) if after else None,
        now=now,
    )


# ---------------------------------------------------------------------------- reading


async def get_domain(tx: Connection, domain_id: int, *, lock: bool = False) -> Domain:
    """Return one domain with its state; with `lock` nobody changes it meanwhile. Raises NotFound."""
    query = _select().where(domains.c.id == domain_id)
    if lock:
        query = query.with_for_update(of=domains)
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        raise NotFound("domain", str(domain_id))
    return _domain(row, await _endpoints(tx, [domain_id]))


async def list_domains(
    tx: Connection,
    *,
    limit: int,
    cursor: str | None = None,
    enabled: bool | None = None,
    label: tuple[str, str] | None = None,
) -> Page[Domain]:
    """Return a page of domains by name. Raises Invalid for a cursor that is none."""
    key = (domains.c.name, domains.c.id)
    query = _select().order_by(*key).limit(limit + 1)
    if cursor is not None:
        query = query.where(tuple_(*key) > decode_cursor(cursor, str, int))
    if enabled is not None:
        query = query.where(domains.c.enabled == enabled)
    if label is not None:
        query = query.where(domains.c.labels.contains(dict([label])))
    rows = (await tx.execute(query)).all()
    states = await _endpoints(tx, [row.id for row in rows[:limit]])
    found = [_domain(row, states) for row in rows[:limit]]
    more = len(rows) > limit
    return Page(found, encode_cursor(found[-1].name, found[-1].id) if more else None)


def _select() -> Select[Any]:
    watched = [column for column in domains.c if column.name != "node_id"]
    seen = [column for column in domain_state.c if column.name != "domain_id"]
    query = select(*watched, vps_nodes.c.name.label("node"), *seen).select_from(domains)
    return query.join(domain_state).outerjoin(vps_nodes, vps_nodes.c.id == domains.c.node_id)


async def _endpoints(tx: Connection, ids: Sequence[int]) -> dict[int, list[EndpointState]]:
    seen = [column for column in endpoints.c if column.name not in {"chain", "first_seen_at"}]
    query = select(*seen, certificates.c.not_before, certificates.c.not_after)
    query = query.outerjoin(certificates).where(endpoints.c.domain_id.in_(ids))
    found: dict[int, list[EndpointState]] = defaultdict(list)
    newer = await read_newer(tx, await database_now(tx), ids)
    for row in await tx.execute(query.order_by(endpoints.c.address)):
        place = (row.domain_id, row.address, row.port)
        found[row.domain_id].append(_endpoint(row, newer.get(place)))
    return found


def _endpoint(row: Row[*tuple[Any, ...]], newer: NewerCertificate | None) -> EndpointState:
    return EndpointState(
        address=row.address,
        port=row.port,
        last_attempt_at=row.last_attempt_at,
        last_success_at=row.last_success_at,
        failure=make_failure(row.failure_reason, row.failure_detail),
        verdict=row.verdict and Verdict(row.verdict),
        faults=decode(row.faults or [], tuple[Fault, ...]),
        fingerprint=row.fingerprint,
        not_before=row.not_before,
        not_after=row.not_after,
        tls_version=row.tls_version,
        source=AddressSource(row.source or AddressSource.RESOLVED),
        staple=row.staple and decode(row.staple, OcspStaple),
        serving_since=row.serving_since,
        renewals_total=row.renewals_total or 0,
        newer=newer,
    )


def _domain(row: Row[Any], seen: Mapping[int, Sequence[EndpointState]]) -> Domain:
    watched = {name: getattr(row, name) for name in (*_SPEC, "id", "created_at", "updated_at")}
    watched["starttls"] = StartTls(row.starttls)
    state = DomainState(
        last_attempt_at=row.last_attempt_at,
        last_success_at=row.last_success_at,
        failure=make_failure(row.failure_reason, row.failure_detail),
        consecutive_failures=row.consecutive_failures,
        endpoints=tuple(seen.get(row.id, ())),
    )
    return Domain(**watched, state=state)
