"""Engines to ask: stand-ins of several API versions, a real Docker, a real Podman."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest
import uvloop

from tests.collector.docker.labs import Asker, Lab, RealLab, StandInLab
from tests.parts.dockerd import RealEngine, dockerd, podman
from tests.parts.engine import StandIn, serving
from tests.parts.engine_world import World


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every program of ours runs on uvloop, whose transports differ from asyncio's own."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[RealEngine]:
    with dockerd() as engine:
        yield engine


@pytest.fixture(scope="session")
def podman_engine() -> Iterator[RealEngine]:
    with podman() as engine:
        yield engine


@pytest.fixture
async def stand_in(tmp_path: Path) -> AsyncIterator[StandIn]:
    engine = StandIn(World())
    async with serving(engine, tmp_path / "docker.sock"):
        yield engine


@pytest.fixture
async def asker(stand_in: StandIn) -> AsyncIterator[Asker]:
    """One that asks the stand-in."""
    asker = Asker(stand_in.url)
    yield asker
    await asker.close()


@pytest.fixture(params=["1.41", "1.44", "1.52", "dockerd", "podman"])
async def lab(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Lab]:
    """An engine in which things can be made to happen: on paper by API version, or real."""
    if request.param in {"dockerd", "podman"}:
        name = "docker_engine" if request.param == "dockerd" else "podman_engine"
        lab = RealLab(request.getfixturevalue(name), podman=request.param == "podman")
        yield lab
        lab.engine.remove_containers()
        return
    engine = StandIn(World(request.param))
    async with serving(engine, tmp_path / "docker.sock"):
        yield StandInLab(engine)


@pytest.fixture
async def lab_asker(lab: Lab) -> AsyncIterator[Asker]:
    """One that asks the lab's engine."""
    asker = Asker(lab.url)
    yield asker
    await asker.close()
