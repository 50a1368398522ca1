"""Who asks, and may they: a bearer token becomes an actor with a role.

The only place that makes an Actor. A refused attempt is recorded where it is a security matter: a
role that does not suffice always, a wrong token at most once a minute an address, none never.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

from api.context import Context, Shared
from registry.audit import Actor, append
from registry.session import database_now
from registry.tokens import Role, Token, authenticate

_UNKNOWN = "unknown"
_PATH_LENGTH = 200

_bearer = HTTPBearer(
    auto_error=False, description="A token made by `vsa token create`; its name is the actor."
)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


async def _authenticated(request: Request, context: Shared, credentials: Credentials) -> Token:
    if credentials is None:
        raise _unauthorized("Send a token: Authorization: Bearer TOKEN", "Bearer")
    async with context.engine.begin() as tx:
        token = await authenticate(tx, credentials.credentials, await database_now(tx))
    if token is None:
        if context.wrong_tokens.allows(_address(request), time.monotonic()):
            await _record_refusal(request, context, _UNKNOWN)
        raise _unauthorized("The token is not known, or revoked.", 'Bearer error="invalid_token"')
    return token


Authenticated = Annotated[Token, Depends(_authenticated)]


def _require(role: Role) -> Callable[..., Awaitable[Actor]]:
    async def require(request: Request, context: Shared, token: Authenticated) -> Actor:
        if token.role < role:
            await _record_refusal(request, context, token.name)
            challenge = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}
            detail = f"This needs the role {role}; the token {token.name} has {token.role}."
            raise HTTPException(403, detail, challenge)
        return _actor(request, token.name)

    return require


MAY_READ = Depends(_require(Role.READ))
MAY_ADMINISTER = Depends(_require(Role.ADMIN))
Writer = Annotated[Actor, Depends(_require(Role.WRITE))]
Admin = Annotated[Actor, MAY_ADMINISTER]


def _unauthorized(detail: str, challenge: str) -> HTTPException:
    return HTTPException(401, detail, {"WWW-Authenticate": challenge})


def _actor(request: Request, name: str) -> Actor:
    return Actor(name, address=_address(request), request_id=request.state.request_id)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


async def _record_refusal(request: Request, context: Context, name: str) -> None:
    """Record an attempt in a transaction of its own; the path stays percent-encoded, so printable."""
    target = f"{request.method} {quote(request.scope['path'])}"[:_PATH_LENGTH]
    async with context.engine.begin() as tx:
        await append(
            tx,
            _actor(request, name),
            action="auth.refused",
            target=target,
            before=None,
            after=None,
            result="refused",
            now=await database_now(tx),
        )
