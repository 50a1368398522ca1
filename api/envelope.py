"""What goes around every answer: a request id, headers for browsers, and a problem for the unforeseen."""

from __future__ import annotations

import logging
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem

log = logging.getLogger(__name__)

REQUEST_ID = "X-Request-ID"
_REQUEST_ID_LENGTH = 64
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Envelope:
    """Outermost middleware, pure ASGI so that streamed answers stay streamed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; an exception that nobody foresaw becomes a 500 without its internals."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def send_enveloped(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message).update({**_HEADERS, REQUEST_ID: request_id})
            await send(message)

        try:
            await self._app(scope, receive, send_enveloped)
        except Exception:
            if started:  # too late for another answer: the server cuts this one off
                raise
            log.exception("request %s failed", request_id)
            answer = problem(500, f"An internal error; the log has it under {request_id}.")
            await answer(scope, receive, send_enveloped)


def _request_id(headers: Headers) -> str:
    """Take the client's id when it is short and printable, else make one."""
    given = headers.get(REQUEST_ID, "")
    if 0 < len(given) <= _REQUEST_ID_LENGTH and given.isascii() and given.isprintable():
        return given
    return uuid.uuid4().hex
