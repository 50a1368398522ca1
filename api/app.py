"""The application: routes, middleware and handlers, wired once."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware import Middleware

from api.context import Context
from api.envelope import Envelope
from api.limits import BodyLimit, refuse_repeats
from api.problems import Problem, handle_problems, problems
from api.readiness import Readiness
from api.routes import (
    audit,
    authorities,
    certificates,
    containers,
    credentials,
    discovery,
    domains,
    events,
    health,
    known_certificates,
    nodes,
    past,
    tokens,
)
from api.security import MAY_ADMINISTER, MAY_READ
from registry.session import Engine
from registry.settings import Settings
from registry.version import __version__

_PREFIX = "/api"
_GUARDED = (
    *(nodes, past, domains, authorities, credentials, certificates, known_certificates),
    *(containers, events, audit, discovery, tokens),
)
_DESCRIPTION = """\
What VSA Dashboard watches, what it saw, and who changed it.

Send a token as `Authorization: Bearer TOKEN`. Role `read` reads everything but tokens, `write` changes nodes,
domains and uploaded certificates, `admin` tokens, credentials and authorities too. Behind the shipped NGINX a name and password do as well, with role `write`.
Lists are `{"items": […], "next": cursor}`; times are RFC 3339 in UTC, durations as Prometheus writes them
(`15s`, `1h30m`). Every error is a problem document (RFC 9457) whose `errors` name field and rule; after a 4xx
nothing was changed. `X-Request-ID` is taken from the request or made, and is in the audit trail.
"""


def make_app(engine: Engine, settings: Settings) -> FastAPI:
    """Make the application; it opens nothing before the first request."""
    app = FastAPI(
        title="VSA Dashboard",
        version=__version__,
        description=_DESCRIPTION,
        openapi_url=f"{_PREFIX}/openapi.json",
        docs_url=None,  # both pages would fetch their scripts from a CDN
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
        middleware=[Middleware(Envelope), Middleware(BodyLimit)],
    )
    app.state.context = Context(engine, settings, Readiness(engine))
    handle_problems(app)
    app.include_router(health.router, prefix=_PREFIX)
    guarded = problems(401, 403, 422, 503)
    for module in _GUARDED:
        role = MAY_ADMINISTER if module is tokens else MAY_READ
        rules = [role, Depends(refuse_repeats)]
        app.include_router(module.router, prefix=_PREFIX, dependencies=rules, responses=guarded)
    app.openapi = partial(_openapi, app)  # type: ignore[method-assign]  # as FastAPI documents it
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Describe the application, with the problem that its routes refer to by name."""
    if app.openapi_schema is None:
        app.openapi_schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        _add_problem(app.openapi_schema["components"]["schemas"])
    return app.openapi_schema


def _add_problem(schemas: dict[str, Any]) -> None:
    """Replace FastAPI's own shapes of a validation error, which we never answer, by ours."""
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem
