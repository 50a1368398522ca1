"""A node's past: what was on it at a moment, what changed, what restarted."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.context import Shared, Tx
from api.problems import problems
from api.schemas.listing import Listing
from api.schemas.past import MomentQuery, PastAnswer, RestartQuery, WindowQuery
from api.schemas.values import NodeName
from registry import past
from registry.nodes import get_node
from registry.paging import Page
from registry.past import ChangeRow, RestartRow
from registry.session import database_now

router = APIRouter(prefix="/nodes/{name}", tags=["seen"], responses=problems(404))


@router.get("/containers")
async def read_past(
    name: NodeName, query: Annotated[MomentQuery, Query()], tx: Tx, shared: Shared
) -> PastAnswer:
    """Show what ran on a node at a moment, stopped containers too, or why nobody knows."""
    await get_node(tx, name)
    now, interval = await database_now(tx), shared.settings.scrape_interval
    found = await past.read_past(tx, name, query.at, now, interval)
    return PastAnswer(node=name, at=found.at, unknown=found.unknown, containers=found.containers)


@router.get("/changes", response_model=Listing[ChangeRow])
async def list_changes(
    name: NodeName, query: Annotated[WindowQuery, Query()], tx: Tx
) -> Page[ChangeRow]:
    """List what changed on a node, newest first, and the times for which nobody knows."""
    await get_node(tx, name)
    since, until = past.window(query.since, query.until, await database_now(tx))
    return await past.list_changes(
        tx, name, since=since, until=until, limit=query.limit, cursor=query.cursor
    )


@router.get("/restarts", response_model=Listing[RestartRow])
async def list_restarts(
    name: NodeName, query: Annotated[RestartQuery, Query()], tx: Tx
) -> Page[RestartRow]:
    """List when containers of a node died, with what exit code, and when they were back; newest first."""
    await get_node(tx, name)
    since, until = past.window(query.since, query.until, await database_now(tx))
    return await past.list_restarts(
        tx,
        name,
        since=since,
        until=until,
        container=query.container,
        limit=query.limit,
        cursor=query.cursor,
    )
