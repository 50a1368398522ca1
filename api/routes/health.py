"""Alive and ready: the two questions that need no token."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from api.context import Shared, Tx
from api.problems import problems
from registry.session import database_now

router = APIRouter(tags=["health"])


class Wellness(BaseModel):
    """The answer of a program that is well."""

    status: Literal["alive", "ready"]


@router.get("/healthz")
async def healthz() -> Wellness:
    """Say that the process answers; asks nothing of the database."""
    return Wellness(status="alive")


@router.get("/readyz", responses=problems(503))
async def readyz(context: Shared, tx: Tx) -> Wellness:
    """Say that the database answers and has every migration of this version."""
    await database_now(tx)
    if not await context.readiness.is_migrated():
        raise HTTPException(503, "The database lacks migrations; run: vsa db upgrade")
    return Wellness(status="ready")
