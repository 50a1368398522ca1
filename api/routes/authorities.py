"""Authorities of private PKIs that are trusted beside the system's."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.context import Tx
from api.problems import problems
from api.schemas.authorities import AuthorityAnswer, AuthorityBody
from api.schemas.listing import Listing
from api.schemas.values import AuthorityName
from api.security import Admin
from registry import authorities
from registry.session import database_now

router = APIRouter(prefix="/authorities", tags=["domains"])


@router.get("")
async def list_authorities(tx: Tx) -> Listing[AuthorityAnswer]:
    """List every authority on one page."""
    found = await authorities.list_authorities(tx)
    return Listing(items=[AuthorityAnswer.of(one) for one in found], next=None)


@router.post("", status_code=201, responses=problems(400, 409, 413))
async def create_authority(
    body: AuthorityBody, actor: Admin, tx: Tx, response: Response
) -> AuthorityAnswer:
    """Trust a root; domains that it may vouch for are asked at once."""
    made = await authorities.create_authority(
        tx, body.name, body.pem, body.domain_id, actor=actor, now=await database_now(tx)
    )
    response.headers["Location"] = f"/api/authorities/{made.name}"
    return AuthorityAnswer.of(made)


@router.get("/{name}", responses=problems(404))
async def get_authority(name: AuthorityName, tx: Tx) -> AuthorityAnswer:
    """Show one authority."""
    return AuthorityAnswer.of(await authorities.get_authority(tx, name))


@router.delete("/{name}", status_code=204, responses=problems(404))
async def delete_authority(name: AuthorityName, actor: Admin, tx: Tx) -> None:
    """Trust it no more; its domain is asked at once, others judge without it from their next probe on."""
    await authorities.delete_authority(tx, name, actor, await database_now(tx))
