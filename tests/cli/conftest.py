"""One running `vsa up` for all of these tests: a paper engine to watch, TLS servers to look at."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.person import Home, Person
from tests.parts.engine import StandIn, serving
from tests.parts.engine_world import World
from tests.parts.postgres import short_folder
from tests.parts.tls import Authority, Identity, Server, serve


@contextmanager
def paper_engine(world: World, path: Path) -> Iterator[str]:
    """Serve a stand-in engine from a thread of its own; yields its URL."""
    running: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run() -> None:
        stop = asyncio.Event()
        async with serving(StandIn(world), path):
            running.set_result((asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    loop, stop = running.result(10)
    try:
        yield f"unix://{path}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority.create()


@pytest.fixture(scope="session")
def good(authority: Authority) -> Iterator[Server]:
    """A TLS server whose certificate is good and new."""
    with serve(authority.issue(["localhost", "127.0.0.1"])) as server:
        yield server


def _aged(authority: Authority, begun: float, left: float) -> Identity:
    """A certificate that began some days ago and has some days left."""
    now = datetime.now(UTC)
    start, end = now - timedelta(days=begun), now + timedelta(days=left)
    return authority.issue(["localhost"], not_before=start, not_after=end)


@pytest.fixture(scope="session")
def expired(authority: Authority) -> Iterator[Server]:
    with serve(_aged(authority, begun=100, left=-10)) as server:
        yield server


@pytest.fixture(scope="session")
def due(authority: Authority) -> Iterator[Server]:
    """A TLS server whose certificate is good, and should have been renewed by now."""
    with serve(_aged(authority, begun=80, left=10)) as server:
        yield server


@pytest.fixture(scope="session")
def home(authority: Authority) -> Iterator[Home]:
    """A running `vsa up`, whose local engine has one container that is well and two that are not."""
    world = World()
    world.run("web")
    world.run("sick", health="unhealthy")
    world.die(world.run("migrate"), 3)
    with short_folder("vsa-home-") as folder, paper_engine(world, folder / "docker.sock") as url:
        bundle = authority.bundle_path(folder)
        home = Home(folder, VSA_DOCKER_HOST=url, VSA_TRUST_BUNDLE=str(bundle))
        home.begin()
        try:
            yield home
        finally:
            home.end()


@pytest.fixture
def person(authority: Authority, tmp_path: Path) -> Person:
    """Somebody who runs nothing, and trusts the tests' authority."""
    bundle = authority.bundle_path(tmp_path)
    return Person({"VSA_DATA_DIR": str(tmp_path / "data"), "VSA_TRUST_BUNDLE": str(bundle)})
