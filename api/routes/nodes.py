"""Nodes: the Docker hosts that are watched."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.asking import ask_now
from api.context import Context, Shared, Tx
from api.problems import problems
from api.schemas.listing import Listing, TargetQuery
from api.schemas.merge import patched
from api.schemas.nodes import NodeAnswer, NodeBody, NodeChecked, NodeOutcome, NodePatch
from api.schemas.values import NodeName
from api.security import Writer
from registry import nodes
from registry.nodes import Node
from registry.paging import Page
from registry.schedule import request_probe
from registry.session import Connection, database_now
from registry.states import forget_check, read_check

router = APIRouter(prefix="/nodes", tags=["nodes"])


@router.get("", response_model=Listing[NodeAnswer])
async def list_nodes(query: Annotated[TargetQuery, Query()], tx: Tx) -> Page[Node]:
    """List nodes by name."""
    return await nodes.list_nodes(
        tx,
        limit=query.limit,
        cursor=query.cursor,
        enabled=query.enabled,
        label=query.label_pair(),
    )


@router.post("", status_code=201, response_model=NodeAnswer, responses=problems(400, 409, 413))
async def create_node(body: NodeBody, actor: Writer, tx: Tx, response: Response) -> Node:
    """Watch a node; it is asked at once."""
    node = await nodes.create_node(tx, body.spec(), actor, await database_now(tx))
    response.headers["Location"] = f"/api/nodes/{node.name}"
    return node


@router.get("/{name}", response_model=NodeAnswer, responses=problems(404))
async def get_node(name: NodeName, tx: Tx) -> Node:
    """Show one node."""
    return await nodes.get_node(tx, name)


@router.patch("/{name}", response_model=NodeAnswer, responses=problems(400, 404, 409, 413))
async def change_node(name: NodeName, patch: NodePatch, actor: Writer, tx: Tx) -> Node:
    """Change a node, which may rename it; it is asked at once. A patch that changes nothing does nothing."""
    node = await nodes.get_node(tx, name, lock=True)
    body = patched(NodeAnswer.model_validate(node), patch, NodeBody)
    changes = asdict(body.spec())
    return await nodes.update_node(tx, name, changes, actor, await database_now(tx))


@router.delete("/{name}", status_code=204, responses=problems(404, 409))
async def delete_node(name: NodeName, actor: Writer, tx: Tx) -> None:
    """Stop watching a node and forget what was seen of it; not while a domain refers to it."""
    await nodes.delete_node(tx, name, actor, await database_now(tx))


@router.post("/{name}/scrape", response_model=NodeOutcome, responses=problems(404, 409, 504))
async def scrape_node(name: NodeName, _: Writer, shared: Shared) -> NodeOutcome:
    """Ask a node now and answer with the outcome."""
    return NodeOutcome.of(await _asked(name, shared, check=False))


@router.post("/{name}/check", response_model=NodeChecked, responses=problems(404, 409, 504))
async def check_node(name: NodeName, _: Writer, shared: Shared) -> NodeChecked:
    """Ask a node now as if nothing were known of it, and answer with each step and its time."""
    node = await _asked(name, shared, check=True)
    async with shared.engine.begin() as tx:
        return NodeChecked.told(node, await read_check(tx, node.id))


async def _asked(name: str, shared: Context, *, check: bool) -> Node:
    async def look(tx: Connection) -> Node:
        return await nodes.get_node(tx, name)

    async def request(tx: Connection, node: Node, now: datetime) -> UUID | None:
        under_way = await request_probe(tx, node_id=node.id, now=now, check=check)
        if check:
            await forget_check(tx, node.id)
        return under_way

    return await ask_now(shared.engine, look, request, shared.settings.scrape_timeout)
