"""How much a request may hold: its body to a number of bytes, its query each parameter once."""

from __future__ import annotations

from collections import Counter

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem
from registry.errors import FieldFault, Invalid

MAX_BODY_BYTES = 64 << 10
_DETAIL = f"The body may hold {MAX_BODY_BYTES} bytes."


class BodyLimit:
    """Cuts a body off at its limit, whether its length is declared or it comes in chunks.

    Starlette has a limit of its own, but answers it in plain text.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request with its body limited."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdecimal() and int(declared) > MAX_BODY_BYTES:
            await problem(413, _DETAIL)(scope, receive, send)
            return
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:  # raised where the body is read: a handler answers it
                raise HTTPException(413, _DETAIL)
            return message

        await self._app(scope, receive_limited, send)


async def refuse_repeats(request: Request) -> None:
    """Refuse a query that names a parameter twice: which of them was meant is anybody's guess."""
    given = Counter(name for name, _ in request.query_params.multi_items())
    if repeated := [name for name, number in given.items() if number > 1]:
        raise Invalid(tuple(FieldFault(name, "once", "must be given once") for name in repeated))
