"""The exporter program: serves the pages until a signal; keeps no state of its own."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http import HTTPStatus

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from exporter import fleet_page
from exporter.node_page import Answer, NodePages
from exporter.text import CONTENT_TYPE
from registry.fleet import read_fleet
from registry.revisions import demand_fit, read_schema
from registry.schedule import Defaults
from registry.session import UNAVAILABLE, Connection, Engine, database_now, make_engine, may_work
from registry.settings import Settings

_INDEX = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>VSA Dashboard: exporter</title>
<h1>VSA Dashboard: exporter</h1>
<ul>
<li><a href="/metrics">/metrics</a>: the fleet, domains and certificates, collectors, this program
<li>/metrics/nodes/<i>name</i>: one node's containers; Prometheus finds these pages by the API's
/api/sd/nodes
<li><a href="/healthz">/healthz</a>: whether this program answers
<li><a href="/readyz">/readyz</a>: whether its database answers too, and is of use to it
</ul>
</html>
"""
_NO_DATABASE = "The database does not answer; the exporter goes on when it does.\n"
_NO_TABLES = "The tables are not there, or not for us; `vsa db upgrade` sees to both.\n"

_GRACE_SECONDS = 5

log = logging.getLogger(__name__)


async def run(settings: Settings, database_url: str) -> None:
    """Serve until SIGTERM or SIGINT, then answer what is in flight and return."""
    engine = make_engine(database_url, program="exporter")
    config = uvicorn.Config(
        make_app(engine, Defaults.of(settings)),
        host=settings.exporter_listen.host,
        port=settings.exporter_listen.port,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    try:
        await _demand_fit(engine)
        await _Server(config).serve()
    finally:
        await engine.dispose()


async def _demand_fit(engine: Engine) -> None:
    """Refuse tables that are too new for this version; a database that is away may come later."""
    with suppress(*UNAVAILABLE):
        async with engine.connect() as connection:
            if warning := demand_fit(await connection.run_sync(read_schema)):
                log.warning("%s", warning)


class _Server(uvicorn.Server):
    """Stops on a signal and returns; uvicorn's own raises the signal once more when it has stopped."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def make_app(engine: Engine, defaults: Defaults) -> Starlette:
    """Make the HTTP application over `engine`."""
    source = _Source(engine)
    pages = NodePages(defaults)

    async def fleet(tx: Connection) -> Answer:
        now = await database_now(tx)
        return Answer(HTTPStatus.OK, fleet_page.render(await read_fleet(tx, now, defaults)))

    async def serve_fleet(_: Request) -> Response:
        return await source.respond(fleet)

    async def serve_node(request: Request) -> Response:
        return await source.respond(partial(pages.answer, name=request.path_params["name"]))

    async def serve_readiness(_: Request) -> Response:
        return await source.respond(_readiness, "text/plain")

    return Starlette(
        routes=[
            Route("/", _index),
            Route("/healthz", _healthz),
            Route("/readyz", serve_readiness),
            Route("/metrics", serve_fleet),
            Route("/metrics/nodes/{name}", serve_node),
        ]
    )


class _Source:
    """The database behind the pages; says once when it goes away, and once when it is back."""

    def __init__(self, engine: Engine) -> None:
        # A page is read by several statements that must agree with each other.
        self._engine = engine.execution_options(isolation_level="REPEATABLE READ")
        self._away = False

    async def respond(
        self, read: Callable[[Connection], Awaitable[Answer]], media_type: str = CONTENT_TYPE
    ) -> Response:
        try:
            async with self._engine.begin() as tx:
                answer = await read(tx)
        except UNAVAILABLE as error:
            self._note(str(error).partition("\n")[0])
            return PlainTextResponse(_NO_DATABASE, HTTPStatus.SERVICE_UNAVAILABLE)
        self._note("")
        if answer.status is not HTTPStatus.OK:
            return PlainTextResponse(answer.text, answer.status)
        return Response(answer.text, media_type=media_type)

    def _note(self, fault: str) -> None:
        if bool(fault) != self._away:
            self._away = bool(fault)
            log.warning("database: %s", fault or "answers again")


async def _index(_: Request) -> Response:
    return HTMLResponse(_INDEX)


async def _readiness(tx: Connection) -> Answer:
    if await may_work(tx, "SELECT"):
        return Answer(HTTPStatus.OK, "ready\n")
    return Answer(HTTPStatus.SERVICE_UNAVAILABLE, _NO_TABLES)


async def _healthz(_: Request) -> Response:
    return PlainTextResponse("ok\n")
