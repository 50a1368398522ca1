"""What the engines reported as having happened."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.context import Tx
from api.schemas.listing import Listing
from api.schemas.seen import EventQuery
from registry import history
from registry.history import EventRow
from registry.paging import Page

router = APIRouter(prefix="/events", tags=["seen"])


@router.get("", response_model=Listing[EventRow])
async def list_events(query: Annotated[EventQuery, Query()], tx: Tx) -> Page[EventRow]:
    """List events, newest first."""
    return await history.list_events(tx, **query.model_dump())
