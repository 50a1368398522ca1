"""Errors as RFC 9457 problem documents: one shape for every answer that is not a success."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Match

from registry.errors import Conflict, FieldFault, Invalid, NotFound
from registry.session import UNAVAILABLE
from registry.vault import VaultError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

# Pydantic's words for what we have plainer ones; every other type keeps its name as the rule.
_RULES = {
    "extra_forbidden": ("unknown_field", "is no field of this"),
    "missing": ("required", "must be given"),
    "model_attributes_type": ("object", "must be a JSON object, sent as application/json"),
    "string_unicode": ("unicode", "must be Unicode text without lone surrogates"),
}
_NOT_JSON = FieldFault("body", "json", "must be JSON in UTF-8")


class Problem(BaseModel):
    """An RFC 9457 problem; `errors` names each field at fault with the rule that it breaks."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Unprocessable Entity",
                    "status": 422,
                    "detail": "port: must be from 1 to 65535",
                    "errors": [
                        {"field": "port", "rule": "port", "message": "must be from 1 to 65535"}
                    ],
                }
            ]
        }
    )

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldFault]


def problem(
    status: int,
    detail: str,
    faults: Iterable[FieldFault] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Make the answer for a failed request."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "errors": [asdict(fault) for fault in faults],
    }
    return JSONResponse(body, status, headers=headers, media_type=MEDIA_TYPE)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe, for OpenAPI, the problems that a route may answer with."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in statuses
    }


def handle_problems(app: FastAPI) -> None:
    """Have `app` answer every expected exception with a problem."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(NotFound, _not_found)
    app.add_exception_handler(Invalid, _invalid)
    app.add_exception_handler(Conflict, _conflict)
    app.add_exception_handler(VaultError, _sealed)
    for kind in UNAVAILABLE:
        app.add_exception_handler(kind, _unavailable)


# ---------------------------------------------------------------------------- handlers


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == 400:  # FastAPI could not parse the body
        return _faulty(400, [_NOT_JSON])
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_allowed_methods(request))
    return problem(error.status_code, error.detail, headers=headers)


async def _invalid_request(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = error.errors()
    if any(fault["type"] == "json_invalid" for fault in errors):
        return _faulty(400, [_NOT_JSON])
    return _faulty(422, [_fault(fault) for fault in errors])


async def _not_found(_: Request, error: Exception) -> JSONResponse:
    return problem(404, str(error))


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Invalid)
    return _faulty(422, error.faults)


async def _conflict(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Conflict)
    return _faulty(409, [error.fault])


async def _sealed(_: Request, error: Exception) -> JSONResponse:
    return problem(409, str(error))


async def _unavailable(_: Request, error: Exception) -> JSONResponse:
    log.warning("the database does not answer: %s", str(error).partition("\n")[0])
    return problem(
        503,
        "The database does not answer. Try again; of a change, look first whether it was made.",
        headers={"Retry-After": "2"},
    )


# ---------------------------------------------------------------------------- parts


def _faulty(status: int, faults: Iterable[FieldFault]) -> JSONResponse:
    faults = list(faults)
    return problem(status, "; ".join(f"{fault.field}: {fault.message}" for fault in faults), faults)


def _fault(error: Mapping[str, Any]) -> FieldFault:
    """Turn one of pydantic's errors into ours: never with the value, which may be a secret."""
    place, *path = error["loc"]
    field = ".".join(str(part) for part in path) or str(place)
    if error["type"] in _RULES:
        return FieldFault(field, *_RULES[error["type"]])
    message = re.sub(
        "^(Input|String|Value) should ", "must ", error["msg"].removeprefix("Value error, ")
    )
    return FieldFault(field, error["type"].removesuffix("_error"), message)


def _allowed_methods(request: Request) -> list[str]:
    """List what the path does allow: the router names only the first of its routes."""
    return [
        method
        for method in _METHODS
        for route in request.app.router.routes
        if route.matches({**request.scope, "method": method})[0] is Match.FULL
    ]
