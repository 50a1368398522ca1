"""Engines to ask: stand-ins of several API versions, a real Docker, a real Podman."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest
import uvloop
from cryptography.hazmat.primitives.serialization import Encoding

from registry.facts.credentials import SshCredential, TlsCredential
from tests.collector.docker.labs import Asker, Lab, RealLab, StandInLab, Way
from tests.parts.dockerd import RealEngine, dockerd, podman
from tests.parts.engine import StandIn, serving
from tests.parts.engine_world import World
from tests.parts.sshd import Sshd, sshd
from tests.parts.tls import Authority


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every program of ours runs on uvloop, whose transports differ from asyncio's own."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def authority() -> Authority:
    """The one that engines and collectors trust in each other."""
    return Authority.create()


@pytest.fixture(scope="session")
def docker_engine(authority: Authority) -> Iterator[RealEngine]:
    with dockerd(authority) as engine:
        yield engine


@pytest.fixture(scope="session")
def over_tls(docker_engine: RealEngine, authority: Authority) -> Way:
    """The real Docker's port, and a certificate that it takes."""
    ca = authority.certificate.public_bytes(Encoding.PEM).decode()
    pem = authority.issue(["collector.test"]).pem().decode()
    return Way(docker_engine.tcp_url, TlsCredential(ca, certificate=pem, key=pem))


@pytest.fixture(scope="session")
def ssh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(scope="session")
def over_ssh(docker_engine: RealEngine, ssh_server: Sshd) -> Way:
    """The real Docker's socket behind sshd."""
    url = ssh_server.url(docker_engine.url.removeprefix("unix://"))
    return Way(url, SshCredential(ssh_server.private_key), ssh_server.host_key)


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


@pytest.fixture(params=["1.41", "1.44", "1.52", "docker_lab", "tls_lab", "ssh_lab", "podman_lab"])
async def lab(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Lab]:
    """An engine in which things can be made to happen: on paper by API version, or real, each way."""
    if request.param.endswith("_lab"):
        lab: RealLab = request.getfixturevalue(request.param)
        yield lab
        lab.engine.remove_containers()
        return
    engine = StandIn(World(request.param))
    async with serving(engine, tmp_path / "docker.sock"):
        yield StandInLab(engine)


@pytest.fixture
def docker_lab(docker_engine: RealEngine) -> RealLab:
    return RealLab(docker_engine)


@pytest.fixture
def tls_lab(docker_engine: RealEngine, over_tls: Way) -> RealLab:
    return RealLab(docker_engine, way=over_tls)


@pytest.fixture
def ssh_lab(docker_engine: RealEngine, over_ssh: Way) -> RealLab:
    return RealLab(docker_engine, way=over_ssh)


@pytest.fixture
def podman_lab(podman_engine: RealEngine) -> RealLab:
    return RealLab(podman_engine, podman=True)


@pytest.fixture
async def lab_asker(lab: Lab) -> AsyncIterator[Asker]:
    """One that asks the lab's engine."""
    asker = lab.way.asker()
    yield asker
    await asker.close()
