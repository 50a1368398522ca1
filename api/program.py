"""The API program: a first token, then uvicorn until a signal."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from api.app import make_app
from api.readiness import Readiness
from registry.own import watch_own
from registry.revisions import Fit
from registry.session import UNAVAILABLE, Engine, database_now, make_engine
from registry.settings import Settings
from registry.tokens import TokenTaken, any_token, ensure_tokens, tokens_of

_POOL_SIZE = 10
_GRACE_SECONDS = 5
_SET_ONE = "set VSA_API_TOKEN or VSA_API_TOKEN_FILE (`openssl rand -hex 32` makes a good one)"

log = logging.getLogger(__name__)


class StartError(Exception):
    """The API cannot start; the message says what to do."""


async def run(settings: Settings, database_url: str, *, embedded: bool) -> None:
    """Serve the API until SIGTERM or SIGINT; raises StartError where that cannot begin.

    `embedded` says whose work the first token is: `vsa up` makes one, nobody else does.
    """
    engine = make_engine(database_url, program="api", pool_size=_POOL_SIZE)
    try:
        await prepare(engine, settings, embedded=embedded)
        await _server(settings, engine).serve()
    finally:
        await engine.dispose()


async def prepare(engine: Engine, settings: Settings, *, embedded: bool) -> None:
    """See that the database answers, is migrated and knows a token; raises StartError if not.

    Then see that the installation watches itself.
    """
    try:
        schema = await Readiness(engine).schema()
        if not schema.runs:
            raise StartError(schema.remark())
        if schema.fit is Fit.AHEAD:
            log.warning("%s", schema.remark())
        async with engine.begin() as tx:
            now = await database_now(tx)
            await ensure_tokens(tx, tokens_of(settings), now)
            if not await any_token(tx):
                raise StartError(_no_token(settings, embedded=embedded))
            await watch_own(tx, settings, now)
    except TokenTaken as error:
        raise StartError(str(error)) from None
    except UNAVAILABLE as error:
        reason = str(error).partition("\n")[0]
        raise StartError(f"the database does not answer: {reason}") from error


def _no_token(settings: Settings, *, embedded: bool) -> str:
    if settings.api_token:
        way = f"remove {settings.data_dir / 'token'} and run `vsa up`" if embedded else _SET_ONE
        return f"the first token was revoked, so nobody could use the API; {way}"
    if embedded:
        return "there is no API token yet; `vsa up` makes one"
    return f"there is no API token yet, so nobody could use the API; {_SET_ONE}"


def _server(settings: Settings, engine: Engine) -> uvicorn.Server:
    config = uvicorn.Config(
        make_app(engine, settings),
        host=settings.api_listen.host,
        port=settings.api_listen.port,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,  # the audit trail says who changed what
        proxy_headers=False,  # the actor's address is the peer's, whatever a header claims
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    return _Server(config)


class _Server(uvicorn.Server):
    """Stops on a signal and returns; uvicorn's own raises the signal once more when it has stopped."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield
