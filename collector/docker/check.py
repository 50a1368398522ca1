"""A scrape that is watched: every step with its time, from the name to the last answer.

It goes down connections of its own and knows nothing, so that each step is made; the usual scrape
pays nothing for it.
"""

from __future__ import annotations

import re
import time
from asyncio import BaseTransport
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from socket import socket
from ssl import SSLObject
from typing import Any, cast

from collector.docker.client import Client
from collector.docker.http import Answer, Connection
from collector.docker.network import Network
from collector.docker.transport import Transport, transport_to
from registry.facts.checks import CheckStep, NodeCheck
from registry.facts.nodes import NodeQuestion

_API = re.compile(r"^/v[\d.]+")
_ID = re.compile(r"/containers/[0-9a-f]{64}/")
# What opening a connection means beyond reaching the host.
_REACH = "reach"
_OPENING = {"unix": "socket", "tcp": "TLS", "ssh": "SSH"}


@dataclass(slots=True)
class _Stage:
    """A step while it is made; questions that go over several connections at once are one."""

    name: str
    began_at: float
    ended_at: float = 0.0
    calls: int = 0
    received_bytes: int = 0
    detail: str = ""
    statuses: Counter[int] = field(default_factory=Counter)
    ok: bool = False

    def step(self) -> CheckStep:
        told = ", ".join(
            str(status) if number == self.calls else f"{status} ({number} of {self.calls})"
            for status, number in sorted(self.statuses.items())
        )
        seconds = (self.ended_at or time.monotonic()) - self.began_at
        return CheckStep(
            self.name, seconds, self.detail or told, self.calls, self.received_bytes, self.ok
        )


class Watch:
    """Notes the steps of one scrape."""

    def __init__(self) -> None:
        self._stages: dict[str, _Stage] = {}

    def report(self) -> NodeCheck:
        """Return the steps so far, in their order."""
        stages = dict(self._stages)
        if (reach := stages.pop(_REACH, None)) is None:
            return NodeCheck(tuple(stage.step() for stage in stages.values()))
        # Opening a connection begins with reaching its host, which is a step of its own.
        opening, *calls = stages.values()
        opening.began_at = reach.ended_at
        made = [reach, opening, *calls] if reach.ok else [reach]
        return NodeCheck(tuple(stage.step() for stage in made))

    @asynccontextmanager
    async def stage(self, name: str) -> AsyncIterator[_Stage]:
        """Time what is done inside; a step that raises is the one at which the way ended."""
        stage = self._stages.setdefault(name, _Stage(name, time.monotonic()))
        stage.ok = False
        yield stage
        stage.ok, stage.ended_at = True, time.monotonic()

    def knows(self, name: str) -> bool:
        """Tell whether a step of that name was begun already."""
        return name in self._stages


@dataclass(frozen=True)
class _WatchedNetwork(Network):
    watch: Watch = field(default_factory=Watch)

    async def connect(self, host: str, port: int) -> socket:
        if self.watch.knows(_REACH):
            return await super().connect(host, port)
        async with self.watch.stage(_REACH) as stage:
            stage.calls += 1
            door = await super().connect(host, port)
            stage.detail = f"{door.getpeername()[0]} port {port}"
        return door


class _WatchedTransport:
    def __init__(self, question: NodeQuestion, network: Network, watch: Watch) -> None:
        self._question = question
        self._transport: Transport = transport_to(question, network)
        self._name = _OPENING[question.docker_url.partition("://")[0]]
        self._watch = watch

    async def connect(self) -> Connection:
        if self._watch.knows(self._name):  # the first tells how the others go
            return await self._transport.connect()
        async with self._watch.stage(self._name) as stage:
            stage.calls += 1
            connection = await self._transport.connect()
            stage.detail = _seen(self._question, connection)
        return connection

    def close(self) -> None:
        self._transport.close()


def _seen(question: NodeQuestion, connection: Connection) -> str:
    """Say what was seen as a connection was opened."""
    if isinstance(tls := connection.extra_info("ssl_object"), SSLObject):
        return _seen_of_tls(tls)
    if login := connection.extra_info("connection"):
        knows = cast("BaseTransport", login).get_extra_info
        return f"{knows('server_version')}, as {knows('username')}"
    if question.docker_url.startswith("tcp"):
        return "none: in the clear"
    return question.docker_url.removeprefix("unix://")


def _seen_of_tls(tls: SSLObject) -> str:
    certificate: dict[str, Any] = dict(tls.getpeercert() or {})
    names = ", ".join(str(value) for _, value in certificate.get("subjectAltName", ())) or "no name"
    return f"{tls.version()}; its certificate is for {names}, until {certificate.get('notAfter')}"


class _WatchedClient(Client):
    def __init__(self, transport: Transport, watch: Watch) -> None:
        super().__init__(transport)
        self._watch = watch

    async def _ask(self, connection: Connection, paths: Sequence[str]) -> list[Answer]:
        async with self._watch.stage(_call(paths[0])) as stage:
            before = connection.received_bytes
            try:
                answers = await super()._ask(connection, paths)
            finally:
                stage.received_bytes += connection.received_bytes - before
            stage.calls += len(answers)
            stage.statuses.update(answer.status for answer in answers)
        return answers


def _call(path: str) -> str:
    """Name the call that a path is: `GET /containers/{id}/stats`."""
    plain = _API.sub("", path.partition("?")[0])
    return "GET " + _ID.sub("/containers/{id}/", plain)


def watched_client(question: NodeQuestion, network: Network, watch: Watch) -> Client:
    """Make a client for one scrape that notes its steps in `watch`; raises Failed."""
    seen = _WatchedNetwork(network.lookup, network.refuse, network.allow_plain, watch)
    return _WatchedClient(_WatchedTransport(question, seen, watch), watch)
