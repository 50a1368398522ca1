"""Engines in which things can be made to happen, and one who asks them over and over."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from docker.models.containers import Container
from docker.types import Ulimit

from collector.docker.network import Network
from collector.docker.probe import DockerProbe
from collector.policy import refusal
from collector.resolver import SystemLookup
from registry.facts.containers import ContainerFacts
from registry.facts.credentials import Credential
from registry.facts.nodes import NodeFacts, NodeQuestion
from registry.facts.outcomes import Failure
from tests.parts.dockerd import IMAGE, RealEngine
from tests.parts.engine import StandIn
from tests.parts.engine_world import Box

NETWORK = Network(SystemLookup(), partial(refusal, allow_private=True), allow_plain=True)


@dataclass(frozen=True)
class Way:
    """How a node is reached."""

    url: str
    credential: Credential | None = None
    host_key: str = ""

    def asker(self, *, disk_interval: float | None = None, **changes: object) -> Asker:
        """Return one who asks this way."""
        changes = {"credential": self.credential, "host_key": self.host_key} | changes
        asker = Asker(self.url, disk_interval=disk_interval)
        asker.question = replace(asker.question, **changes)  # type: ignore[arg-type]
        return asker


class Asker:
    """Scrapes one node, handing each answer's cursor to the next question, as the collector does."""

    def __init__(
        self,
        url: str,
        *,
        labels: tuple[str, ...] = ("*",),
        disk_interval: float | None = None,
        **changes: object,
    ) -> None:
        self.probe = DockerProbe(time.time, NETWORK, labels, disk_interval)
        self.question = NodeQuestion(1, "node", url, time_limit=20.0, max_bytes=16 << 20)
        self.question = replace(self.question, **changes)  # type: ignore[arg-type]

    async def outcome(self) -> NodeFacts | Failure:
        outcome = await self.probe.ask(self.question)
        if isinstance(outcome, NodeFacts):
            self.question = replace(self.question, cursor=outcome.cursor)
        return outcome

    async def facts(self) -> NodeFacts:
        outcome = await self.outcome()
        assert isinstance(outcome, NodeFacts), outcome
        return outcome

    async def container(self, name: str) -> ContainerFacts:
        return next(facts for facts in (await self.facts()).containers if facts.name == name)

    async def failure(self) -> Failure:
        outcome = await self.outcome()
        assert isinstance(outcome, Failure)
        return outcome

    async def close(self) -> None:
        await self.probe.close()


class Lab(Protocol):
    """What the contract tests make happen; `forgets` is whether only 256 events are kept."""

    forgets: bool

    @property
    def way(self) -> Way: ...

    def run(self, name: str, *, exits: int | None = None, restart: bool = False) -> None:
        """Start a container that sleeps, or that exits with a code; wait until it has."""

    def kill(self, name: str) -> None:
        """Kill a container's process behind the engine's back; wait until it is back or ended."""

    def remove(self, name: str) -> None:
        """Remove a container."""

    def make_noise(self, name: str, times: int) -> None:
        """Make events that tell nothing of the container's life."""


class StandInLab:
    """A stand-in, on paper."""

    forgets = True

    def __init__(self, engine: StandIn) -> None:
        self._engine = engine

    @property
    def way(self) -> Way:
        return Way(self._engine.url)

    def run(self, name: str, *, exits: int | None = None, restart: bool = False) -> None:
        box = self._engine.world.run(name, restart_policy="always" if restart else "no")
        if exits is not None:
            self._engine.world.die(box, exits)

    def kill(self, name: str) -> None:
        self._engine.world.die(self._box(name), 137)

    def remove(self, name: str) -> None:
        self._engine.world.remove(self._box(name))

    def make_noise(self, name: str, times: int) -> None:
        for _ in range(times):
            self._engine.world.tell(self._box(name), "exec_create: /bin/true")

    def _box(self, name: str) -> Box:
        return next(box for box in self._engine.world.boxes.values() if box.name == name)


class RealLab:
    """A real engine; Podman cannot raise this machine's limits, so containers get low ones."""

    def __init__(self, engine: RealEngine, *, podman: bool = False, way: Way | None = None) -> None:
        self.engine = engine
        self.forgets = not podman
        self.way = way or Way(engine.url)

    def run(self, name: str, *, exits: int | None = None, restart: bool = False) -> None:
        if exits is None:
            self.start(name, "/bin/sleep 3600", restart=restart)
        else:
            container = self.start(name, f"/bin/sh -c 'exit {exits}'")
            wait_for(container, lambda: container.status == "exited")

    def start(
        self,
        name: str,
        command: str,
        *,
        restart: bool = False,
        memory: str | None = None,
        health: str | None = None,
    ) -> Container:
        """Start a container; `health` is a command to check it with, every second."""
        check = {"test": health, "interval": 1_000_000_000, "retries": 1} if health else None
        return self.engine.client.containers.run(
            IMAGE,
            command,
            name=name,
            detach=True,
            network_mode="none",
            ulimits=[Ulimit(name=what, soft=1024, hard=1024) for what in ("nofile", "nproc")],
            restart_policy={"Name": "always"} if restart else None,
            mem_limit=memory,
            healthcheck=check,
        )

    def kill(self, name: str) -> None:
        container = self.engine.client.containers.get(name)
        old = container.attrs["State"]["Pid"]
        os.kill(old, signal.SIGKILL)
        back = container.attrs["HostConfig"]["RestartPolicy"]["Name"] == "always"
        wait_for(
            container,
            lambda: (
                container.attrs["State"]["Pid"] not in {0, old}
                if back
                else container.status == "exited"
            ),
        )

    def remove(self, name: str) -> None:
        self.engine.client.containers.get(name).remove(force=True)

    def make_noise(self, name: str, times: int) -> None:
        container = self.engine.client.containers.get(name)
        for _ in range(times):
            self.engine.client.api.exec_create(container.id, "/bin/true")


def wait_for(container: Container, until: Callable[[], bool]) -> None:
    """Inspect a container until it is so."""
    deadline = time.monotonic() + 15
    container.reload()
    while not until():
        assert time.monotonic() < deadline, container.attrs["State"]
        time.sleep(0.02)
        container.reload()
