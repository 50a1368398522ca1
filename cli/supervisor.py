"""Brings up database, programs and first node in their order, keeps them up, takes them down."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager

import httpx

from cli.children import Child, lifeline
from cli.database import migrate, start_embedded
from cli.faults import BadInput, CannotReach, Fault
from cli.key_file import leave_key
from cli.listening import check_free, reachable
from cli.output import WARN, note
from cli.token_file import leave_token
from cli.trust import check_trust_bundle
from cli.welcome import welcome
from registry.embedded import EmbeddedServer
from registry.setting_kinds import Address
from registry.settings import Settings

_PROGRAMS = ("api", "collector", "exporter")
_READY_SECONDS = 60
_DATABASE_SECONDS = 1.0
# As long as the programs of a killed `vsa up` may take to end.
_ORPHAN_SECONDS = 20


async def supervise(settings: Settings, *, verbose: bool, after_kill: bool) -> None:
    """Run everything until SIGINT, SIGTERM or SIGHUP; raises a Fault when it cannot begin.

    `after_kill`: the one before was killed, so its programs may hold our ports a little longer.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    began = time.monotonic()
    check_trust_bundle(settings)
    await _check_ports(settings, _ORPHAN_SECONDS if after_kill else 0)
    leave_token(settings)
    leave_key(settings)
    async with _database(settings), _programs(verbose=verbose) as children:
        if await _ready(settings, children, stop):
            await asyncio.to_thread(welcome, settings, time.monotonic() - began)
            await stop.wait()
        note("stopping …")


async def _check_ports(settings: Settings, patience: float) -> None:
    """Raise BadInput while nothing runs yet when an address cannot be had within `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        try:
            _check_port(settings.api_listen, "VSA_API_LISTEN")
            _check_port(settings.exporter_listen, "VSA_EXPORTER_LISTEN")
        except BadInput:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)
        else:
            return


def _check_port(address: Address, setting: str) -> None:
    if not address.port:
        raise BadInput(f"{setting}: must name a port, for others look for it there")
    check_free(address, setting)


# ---------------------------------------------------------------------------- database


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[None]:
    """Have a migrated database inside; the embedded one is started anew whenever it dies."""
    if settings.database_url is None:
        note("starting PostgreSQL …")
    server = await asyncio.to_thread(start_embedded, settings)
    keeper = _DatabaseKeeper(settings, server)
    try:
        await asyncio.to_thread(migrate, settings, server)
        async with _in_background(keeper.keep()):
            yield
    finally:
        await asyncio.to_thread(keeper.stop)


class _DatabaseKeeper:
    """Holds the embedded server, whichever is the current one; none with VSA_DATABASE_URL."""

    def __init__(self, settings: Settings, server: EmbeddedServer | None) -> None:
        self._settings = settings
        self._server = server
        # A restart that is under way ends before we stop, lest its server outlive us.
        self._lock = threading.RLock()

    async def keep(self) -> None:
        """Start the server again whenever its process is gone."""
        while self._server:
            await asyncio.sleep(_DATABASE_SECONDS)
            if self._server.is_running:
                continue
            note("PostgreSQL is gone; starting it again", WARN)
            try:
                await asyncio.to_thread(self._restart)
            except Fault as error:
                note(str(error), WARN)

    def stop(self) -> None:
        """Stop the server, if it is ours."""
        with self._lock:
            if self._server:
                self._server.stop()

    def _restart(self) -> None:
        with self._lock:
            self.stop()  # lets go of what the dead one held
            self._server = start_embedded(self._settings)


# ---------------------------------------------------------------------------- programs


@asynccontextmanager
async def _programs(*, verbose: bool) -> AsyncIterator[Sequence[Child]]:
    """Have API, collector and exporter running inside; all are gone afterwards."""
    note(f"starting {', '.join(_PROGRAMS)} …")
    with lifeline() as read_end:
        children = [Child(name, read_end, verbose=verbose) for name in _PROGRAMS]
        async with _in_background(*(child.keep() for child in children)):
            yield children


async def _ready(settings: Settings, children: Sequence[Child], stop: asyncio.Event) -> bool:
    """Wait until API and exporter answer; False when told to stop, a Fault when one cannot start."""
    waiting = {
        f"http://{reachable(settings.api_listen)}/api/readyz",
        f"http://{reachable(settings.exporter_listen)}/healthz",
    }
    deadline = time.monotonic() + _READY_SECONDS
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        while waiting and not stop.is_set():
            for child in children:
                if child.exit_code is not None:
                    raise CannotReach(f"{child.name} did not start; its reason stands above")
            if time.monotonic() > deadline:
                raise CannotReach(f"not ready within {_READY_SECONDS} s: {', '.join(waiting)}")
            waiting = {url for url in waiting if not await _answers(client, url)}
            await asyncio.sleep(0.05)
    return not stop.is_set()


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).is_success
    except httpx.TransportError:
        return False


@asynccontextmanager
async def _in_background(*work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run endless work inside, all at once; it is cancelled, and has ended, afterwards."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)  # an exception that nobody expected is left for asyncio to log
