"""Tokens: who may use the API."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.context import Tx
from api.problems import problems
from api.schemas.listing import Listing
from api.schemas.tokens import NewToken, TokenAnswer, TokenBody
from api.schemas.values import TokenName
from api.security import Admin
from registry import tokens
from registry.paging import Page
from registry.session import database_now
from registry.tokens import Token

router = APIRouter(prefix="/tokens", tags=["tokens"])


@router.get("", response_model=Listing[TokenAnswer])
async def list_tokens(tx: Tx) -> Page[Token]:
    """List every token on one page, revoked ones too; never a secret."""
    return Page(await tokens.list_tokens(tx), None)


@router.post("", status_code=201, responses=problems(400, 409, 413))
async def create_token(body: TokenBody, actor: Admin, tx: Tx, response: Response) -> NewToken:
    """Make a token; its secret is in this answer and nowhere else."""
    now = await database_now(tx)
    token, clear = await tokens.create_token(tx, body.name, body.role, actor, now)
    response.headers["Location"] = f"/api/tokens/{token.name}"
    answer = TokenAnswer.model_validate(token)
    return NewToken(**answer.model_dump(), token=clear)


@router.delete("/{name}", status_code=204, responses=problems(404))
async def revoke_token(name: TokenName, actor: Admin, tx: Tx) -> None:
    """Revoke a token: it is refused from now on, and stays listed."""
    await tokens.revoke_token(tx, name, actor, await database_now(tx))
