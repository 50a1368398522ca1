"""An authority of the tests' own, and a probe that trusts it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from tests.collector.tls.asking import Asker, World
from tests.parts.tls import Authority


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every program of ours runs on uvloop, whose transports differ from asyncio's own."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    root = Authority.create()
    return World(root, root.intermediate(), root.bundle_path(tmp_path_factory.mktemp("trust")))


@pytest.fixture
async def asker(world: World) -> AsyncIterator[Asker]:
    asker = Asker(world.bundle)
    yield asker
    await asker.probe.close()
