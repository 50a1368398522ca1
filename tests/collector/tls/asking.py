"""One probe that trusts the tests' authority, and short ways to ask it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from collector.tls.probe import TlsProbe
from registry.facts.domains import (
    DomainFacts,
    DomainQuestion,
    EndpointFacts,
    EndpointOutcome,
    StartTls,
    Verdict,
)
from registry.facts.outcomes import Failure
from tests.parts.tls import Authority, Server

NAME = "example.test"


@dataclass(frozen=True, slots=True)
class World:
    """An authority that is trusted, the intermediate that it issues by, and the file to trust it by."""

    root: Authority
    issuer: Authority
    bundle: Path


class Asker:
    """Asks a server for one name and returns what the test is after; asserts that it is there."""

    def __init__(self, bundle: Path | None) -> None:
        self.now = time.time
        self.forbidden: dict[str, str] = {}
        self.names: dict[str, Iterable[str]] = {}
        self.probe = TlsProbe(
            trust_bundle=bundle,
            refuse=self.forbidden.get,
            clock=self._clock,
            lookup=self._lookup,
        )

    def _clock(self) -> float:
        return self.now()

    async def _lookup(self, name: str) -> Iterable[str]:
        return self.names[name]

    async def ask(
        self,
        server: Server,
        name: str = NAME,
        *,
        domain: str | None = None,
        starttls: StartTls = StartTls.NONE,
        limit: float = 5.0,
    ) -> DomainFacts | Failure:
        question = DomainQuestion(1, domain or server.address, server.port, starttls, name, limit)
        return await self.probe.ask(question)

    async def endpoint(
        self,
        server: Server,
        name: str = NAME,
        *,
        starttls: StartTls = StartTls.NONE,
        limit: float = 5.0,
    ) -> EndpointOutcome:
        facts = await self.ask(server, name, starttls=starttls, limit=limit)
        assert isinstance(facts, DomainFacts), facts
        (endpoint,) = facts.endpoints
        return endpoint

    async def facts(
        self, server: Server, name: str = NAME, *, starttls: StartTls = StartTls.NONE
    ) -> EndpointFacts:
        endpoint = await self.endpoint(server, name, starttls=starttls)
        assert endpoint.facts, endpoint
        return endpoint.facts

    async def failure(
        self,
        server: Server,
        name: str = NAME,
        *,
        starttls: StartTls = StartTls.NONE,
        limit: float = 5.0,
    ) -> Failure:
        endpoint = await self.endpoint(server, name, starttls=starttls, limit=limit)
        assert endpoint.failure, endpoint
        return endpoint.failure


def verdicts(facts: EndpointFacts) -> list[Verdict]:
    """Return the verdicts of all faults, the primary one first."""
    return [fault.verdict for fault in facts.faults]
