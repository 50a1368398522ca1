"""Who asks, and may they: a bearer token becomes an actor with a role.

The only place that makes an Actor: the token's name, or `basic:NAME` for a person whose password the
reverse proxy checked. A refused attempt is recorded where it is a security matter, at most once a minute,
for the trail never shrinks: what a role does not suffice for by name and target, a wrong token or a
foreign page by address, no token never.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

from api.context import Context, Shared
from api.proxy import SAFE_METHODS, client_address, is_foreign, is_proxy_token, person
from registry.audit import Actor, append
from registry.session import database_now
from registry.tokens import Role, authenticate

_UNKNOWN = "unknown"
_PATH_LENGTH = 200
_NO_PERSON = "This token is the reverse proxy's, which names a person of A-Z, a-z, 0-9, . _ @ - in X-VSA-User."
_FOREIGN = (
    "A page of another site asked for this change. With a password, changes come from the dashboard's own "
    "origin, https:// and VSA_DASHBOARD_DOMAIN; other programs send a token: Authorization: Bearer TOKEN"
)

_bearer = HTTPBearer(
    auto_error=False, description="A token made by `vsa token create`; its name is the actor."
)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is behind a request; `by_password` where a browser may have sent the proof unasked."""

    name: str
    role: Role
    by_password: bool


async def _caller(request: Request, context: Shared, credentials: Credentials) -> Caller:
    if credentials is None:
        raise _unauthorized("Send a token: Authorization: Bearer TOKEN", "Bearer")
    async with context.engine.begin() as tx:
        token = await authenticate(tx, credentials.credentials, await database_now(tx))
    if token is None:
        await _record_sparingly(request, context, _UNKNOWN)
        raise _unauthorized("The token is not known, or revoked.", 'Bearer error="invalid_token"')
    if not is_proxy_token(context.settings, credentials.credentials):
        return Caller(token.name, token.role, by_password=False)
    name = person(request)
    if name is None:
        raise HTTPException(403, _NO_PERSON)
    return Caller(f"basic:{name}", token.role, by_password=True)


Authenticated = Annotated[Caller, Depends(_caller)]


def _require(role: Role) -> Callable[..., Awaitable[Actor]]:
    async def require(request: Request, context: Shared, caller: Authenticated) -> Actor:
        if caller.by_password and request.method not in SAFE_METHODS:
            await _refuse_foreign(request, context, caller)
        if caller.role < role:
            if context.callers.allows(f"{caller.name} {_target(request)}", time.monotonic()):
                await _record_refusal(request, context, caller.name)
            challenge = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}
            detail = f"This needs the role {role}; {caller.name} has {caller.role}."
            raise HTTPException(403, detail, challenge)
        return _actor(request, context, caller.name)

    return require


async def _refuse_foreign(request: Request, context: Context, caller: Caller) -> None:
    if is_foreign(request, context.settings):
        await _record_sparingly(request, context, caller.name)
        raise HTTPException(403, _FOREIGN)


MAY_READ = Depends(_require(Role.READ))
MAY_ADMINISTER = Depends(_require(Role.ADMIN))
Writer = Annotated[Actor, Depends(_require(Role.WRITE))]
Admin = Annotated[Actor, MAY_ADMINISTER]


def _unauthorized(detail: str, challenge: str) -> HTTPException:
    return HTTPException(401, detail, {"WWW-Authenticate": challenge})


def _actor(request: Request, context: Context, name: str) -> Actor:
    address = client_address(request, context.settings)
    return Actor(name, address=address, request_id=request.state.request_id)


async def _record_sparingly(request: Request, context: Context, name: str) -> None:
    address = client_address(request, context.settings)
    if context.strangers.allows(address, time.monotonic()):
        await _record_refusal(request, context, name)


async def _record_refusal(request: Request, context: Context, name: str) -> None:
    """Record an attempt in a transaction of its own."""
    async with context.engine.begin() as tx:
        await append(
            tx,
            _actor(request, context, name),
            action="auth.refused",
            target=_target(request),
            before=None,
            after=None,
            result="refused",
            now=await database_now(tx),
        )


def _target(request: Request) -> str:
    """Name what was asked for; the path stays percent-encoded, so printable."""
    return f"{request.method} {quote(request.scope['path'])}"[:_PATH_LENGTH]
