"""Nodes: the Docker hosts we watch. Every change is audited in its own transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError

from registry.audit import Actor, append
from registry.errors import Conflict, FieldFault, Invalid, NotFound
from registry.facts.nodes import DiskUsage, EngineFacts
from registry.facts.outcomes import Failure
from registry.models import credentials, domains, node_state, schedule, vps_nodes
from registry.paging import Page, decode_cursor, encode_cursor
from registry.schedule import request_now
from registry.session import Connection
from registry.snapshots import count_open
from registry.specs import audited, changed
from registry.states import read_same_engines
from registry.stored import decode, make_failure


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """What is set of a node. Interval and time-out are seconds; None takes the setting's.

    `credential` is the name of one; `host_key` is the only one that an ssh:// node may show.
    """

    name: str
    docker_url: str
    labels: Mapping[str, str] = field(default_factory=dict)
    enabled: bool = True
    interval_seconds: float | None = None
    timeout_seconds: float | None = None
    credential: str | None = None
    host_key: str | None = None


@dataclass(frozen=True, slots=True)
class NodeState:
    """What was last seen of a node; `containers` counts them by state.

    `shown_host_key` is what an ssh:// node showed instead of the registered key; `same_engine_as` names
    other nodes whose engine has the same id.
    """

    last_attempt_at: datetime | None = None
    last_success_at: datetime | None = None
    failure: Failure | None = None
    consecutive_failures: int = 0
    engine: EngineFacts | None = None
    containers: Mapping[str, int] = field(default_factory=dict)
    shown_host_key: str | None = None
    same_engine_as: tuple[str, ...] = ()
    disk: DiskUsage | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A node in the registry, with its state."""

    id: int
    name: str
    docker_url: str
    labels: Mapping[str, str]
    enabled: bool
    interval_seconds: float | None
    timeout_seconds: float | None
    credential: str | None
    host_key: str | None
    created_at: datetime
    updated_at: datetime
    state: NodeState


_SPEC = tuple(field.name for field in fields(NodeSpec))
_TAKEN = FieldFault("name", "unique", "is the name of another node")


# ---------------------------------------------------------------------------- changing


async def create_node(tx: Connection, spec: NodeSpec, actor: Actor, now: datetime) -> Node:
    """Watch a node; it is due at once.

    Raises Conflict when the name is taken, Invalid for a credential that is not there or not fit.
    """
    values = {**await _columns(tx, spec), "created_at": now, "updated_at": now}
    made = upsert(vps_nodes).values(values).on_conflict_do_nothing(index_elements=["name"])
    row = (await tx.execute(made.returning(vps_nodes.c.id))).one_or_none()
    if row is None:
        raise Conflict(_TAKEN)
    state = {"version": 0, "consecutive_failures": 0, "scrapes_total": 0, "failures_total": 0}
    await tx.execute(insert(node_state).values(node_id=row.id, **state))
    await tx.execute(insert(schedule).values(node_id=row.id, next_due_at=now))
    await _audit(tx, actor, "node.create", now, after=spec)
    return Node(id=row.id, **asdict(spec), created_at=now, updated_at=now, state=NodeState())


async def update_node(
    tx: Connection, name: str, changes: Mapping[str, object], actor: Actor, now: datetime
) -> Node:
    """Change fields of a node; it is due at once. A change that changes nothing leaves no trace.

    Raises NotFound, Conflict when a new name is taken, Invalid for an unknown field.
    """
    node = await get_node(tx, name, lock=True)
    before = _spec(node)
    after = changed(before, changes)
    if after == before:
        return node
    values = {**await _columns(tx, after), "updated_at": now}
    try:
        async with tx.begin_nested():
            await tx.execute(update(vps_nodes).where(vps_nodes.c.id == node.id).values(values))
    except IntegrityError:
        raise Conflict(_TAKEN) from None
    await request_now(tx, node_id=node.id, now=now)
    await _audit(tx, actor, "node.update", now, before=before, after=after)
    return replace(node, **asdict(after), updated_at=now)


async def delete_node(tx: Connection, name: str, actor: Actor, now: datetime) -> None:
    """Stop watching a node and forget what was seen of it.

    Raises NotFound, and Conflict while domains refer to it.
    """
    node = await get_node(tx, name, lock=True)
    users = select(domains.c.name).where(domains.c.node_id == node.id).order_by(domains.c.name)
    if names := (await tx.execute(users.limit(6))).scalars().all():
        raise Conflict(FieldFault("name", "in_use", f"is the node of {_listed(names)}"))
    await tx.execute(delete(vps_nodes).where(vps_nodes.c.id == node.id))
    await _audit(tx, actor, "node.delete", now, before=_spec(node))


async def _columns(tx: Connection, spec: NodeSpec) -> dict[str, Any]:
    """Return what is set of a node as its columns hold it. Raises Invalid."""
    values = asdict(spec)
    values["credential_id"] = await _credential_id(tx, values.pop("credential"))
    return values


async def _credential_id(tx: Connection, name: str | None) -> int | None:
    if name is None:
        return None
    # Shared: it is not deleted before this node is there to be its user.
    query = select(credentials.c.id).where(credentials.c.name == name).with_for_update(read=True)
    found: int | None = (await tx.execute(query)).scalar_one_or_none()
    if found is None:
        raise Invalid((FieldFault("credential", "exists", f"there is no credential {name}"),))
    return found


def _spec(node: Node) -> NodeSpec:
    return NodeSpec(**{name: getattr(node, name) for name in _SPEC})


async def _audit(
    tx: Connection,
    actor: Actor,
    action: str,
    now: datetime,
    *,
    before: NodeSpec | None = None,
    after: NodeSpec | None = None,
) -> None:
    named = before or after
    assert named is not None
    await append(
        tx,
        actor,
        action=action,
        target=f"node/{named.name}",
        before=audited(before) if before else None,
        after=audited(after) if after else None,
        now=now,
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (" and others" if len(names) > 5 else "")


# ---------------------------------------------------------------------------- reading


async def get_node(tx: Connection, name: str, *, lock: bool = False) -> Node:
    """Return one node with its state; with `lock` nobody changes it meanwhile. Raises NotFound."""
    query = _select().where(vps_nodes.c.name == name)
    if lock:
        query = query.with_for_update(of=vps_nodes)
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        raise NotFound("node", name)
    return (await _nodes(tx, [row]))[0]


async def list_nodes(
    tx: Connection,
    *,
    limit: int,
    cursor: str | None = None,
    enabled: bool | None = None,
    label: tuple[str, str] | None = None,
) -> Page[Node]:
    """Return a page of nodes by name. Raises Invalid for a cursor that is none."""
    query = _select().order_by(vps_nodes.c.name).limit(limit + 1)
    if cursor is not None:
        query = query.where(vps_nodes.c.name > decode_cursor(cursor, str)[0])
    if enabled is not None:
        query = query.where(vps_nodes.c.enabled == enabled)
    if label is not None:
        query = query.where(vps_nodes.c.labels.contains(dict([label])))
    rows = (await tx.execute(query)).all()
    found = await _nodes(tx, rows[:limit])
    more = len(rows) > limit
    return Page(found, encode_cursor(found[-1].name) if more else None)


def _select() -> Select[Any]:
    seen = [node_state.c[name] for name in ("last_attempt_at", "last_success_at", "engine")]
    seen += [node_state.c[name] for name in ("failure_reason", "failure_detail", "shown_host_key")]
    seen.append(node_state.c.disk)
    chosen = [credentials.c.name.label("credential"), node_state.c.consecutive_failures]
    return select(*vps_nodes.c, *seen, *chosen).join(node_state).outerjoin(credentials)


async def _nodes(tx: Connection, rows: Sequence[Row[Any]]) -> list[Node]:
    if not rows:
        return []
    ids = [row.id for row in rows]
    counts = await count_open(tx, *ids)
    same = await read_same_engines(tx, ids)
    return [_node(row, _state(row, counts.get(row.id, {}), same.get(row.id, ()))) for row in rows]


def _node(row: Row[Any], state: NodeState) -> Node:
    named = [field.name for field in fields(Node) if field.name != "state"]
    return Node(**{name: getattr(row, name) for name in named}, state=state)


def _state(
    row: Row[Any], containers: Mapping[str, int], same_engine_as: Sequence[str]
) -> NodeState:
    return NodeState(
        last_attempt_at=row.last_attempt_at,
        last_success_at=row.last_success_at,
        failure=make_failure(row.failure_reason, row.failure_detail),
        consecutive_failures=row.consecutive_failures,
        engine=row.engine and decode(row.engine, EngineFacts),
        containers=containers,
        shown_host_key=row.shown_host_key,
        same_engine_as=tuple(same_engine_as),
        disk=row.disk and decode(row.disk, DiskUsage),
    )
