"""Containers as they are now, of all nodes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.context import Tx
from api.schemas.listing import Listing
from api.schemas.seen import Container, ContainerQuery
from registry import history

router = APIRouter(prefix="/containers", tags=["seen"])


@router.get("")
async def list_containers(query: Annotated[ContainerQuery, Query()], tx: Tx) -> Listing[Container]:
    """List containers by node and name, stopped ones too."""
    page = await history.list_containers(tx, **query.model_dump())
    return Listing(items=[Container.of(row) for row in page.items], next=page.next)
