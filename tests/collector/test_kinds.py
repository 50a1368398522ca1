from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pytest

from collector.clock import DatabaseClock
from collector.cycle import Kind
from collector.docker.probe import DockerProbe
from collector.kinds import domain_kind, node_kind
from collector.tls.probe import TlsProbe
from registry.audit import Actor
from registry.domains import DomainSpec, create_domain, get_domain
from registry.facts.nodes import NodeFacts, NodeQuestion
from registry.facts.outcomes import Failure, FailureReason
from registry.nodes import NodeSpec, create_node, get_node
from registry.observations import NodeResult
from registry.schedule import NodeLease
from registry.session import Engine
from tests.collector.docker.labs import NETWORK
from tests.registry.targets import DEFAULTS, NO_KEYS, NOW, later

ACTOR = Actor("test")
REFUSED = Failure(FailureReason.REFUSED, "nothing listens there")
Nodes = Kind[NodeLease, NodeResult]


class FakeDocker(DockerProbe):
    """Fails every scrape, and remembers whom it was told to forget."""

    def __init__(self) -> None:
        super().__init__(lambda: 0.0, NETWORK)
        self.forgotten: list[int] = []

    async def ask(self, question: NodeQuestion) -> NodeFacts | Failure:
        return REFUSED

    def forget(self, node_id: int) -> None:
        self.forgotten.append(node_id)


@pytest.fixture
def docker() -> FakeDocker:
    return FakeDocker()


@pytest.fixture
def nodes(docker: FakeDocker) -> Nodes:
    clock = DatabaseClock()
    clock.set(NOW)
    return node_kind(docker, clock, DEFAULTS, NO_KEYS)


async def ask_due(engine: Engine, kind: Nodes, at: datetime = NOW) -> list[NodeResult]:
    async with engine.begin() as tx:
        leases = await kind.claim(tx, at, 10)
    return [await kind.ask(lease) for lease in leases]


async def register(engine: Engine) -> int:
    async with engine.begin() as tx:
        return (await create_node(tx, NodeSpec("web", "unix:///x"), ACTOR, NOW)).id


async def record(
    engine: Engine, kind: Nodes, results: Sequence[NodeResult]
) -> tuple[int, int, int]:
    async with engine.begin() as tx:
        done = await kind.record(tx, results)
    kind.committed()
    return done.probes, done.failures, done.discarded


async def test_a_failure_is_recorded_and_counted(engine: Engine, nodes: Nodes) -> None:
    await register(engine)
    assert await record(engine, nodes, await ask_due(engine, nodes)) == (1, 1, 0)
    async with engine.begin() as tx:
        assert (await get_node(tx, "web")).state.failure == REFUSED


async def test_an_answer_whose_lease_is_gone_is_discarded_and_counted(
    engine: Engine, nodes: Nodes
) -> None:
    await register(engine)
    late = await ask_due(engine, nodes)
    await record(engine, nodes, await ask_due(engine, nodes, later(3600)))
    assert await record(engine, nodes, late) == (1, 1, 1)


async def test_a_node_that_this_process_does_not_know_is_asked_from_scratch(
    engine: Engine, nodes: Nodes, docker: FakeDocker
) -> None:
    node_id = await register(engine)
    await ask_due(engine, nodes)
    assert docker.forgotten == [node_id]


async def test_after_a_rollback_what_the_probe_remembers_is_dropped(
    engine: Engine, nodes: Nodes, docker: FakeDocker
) -> None:
    node_id = await register(engine)
    results = await ask_due(engine, nodes)
    docker.forgotten.clear()
    nodes.rolled_back(results)
    assert docker.forgotten == [node_id]


async def test_an_answer_that_the_database_refused_becomes_a_failure_of_ours(
    engine: Engine, nodes: Nodes
) -> None:
    await register(engine)
    (result,) = await ask_due(engine, nodes)
    spoiled = nodes.spoil(result, ValueError("secret"))
    assert isinstance(spoiled.outcome, Failure)
    assert spoiled.outcome.reason is FailureReason.INTERNAL
    assert "secret" not in spoiled.outcome.detail


async def test_a_domain_is_asked_and_recorded(engine: Engine) -> None:
    async with engine.begin() as tx:
        domain = await create_domain(tx, DomainSpec("127.0.0.1", 1), ACTOR, NOW)
    probe = TlsProbe(refuse=lambda _: "not allowed here", clock=lambda: 0.0)
    kind = domain_kind(probe, DatabaseClock(), DEFAULTS)
    async with engine.begin() as tx:
        (lease,) = await kind.claim(tx, NOW, 10)
    result = await kind.ask(lease)
    async with engine.begin() as tx:
        await kind.record(tx, [result])
        (endpoint,) = (await get_domain(tx, domain.id)).state.endpoints
    assert endpoint.failure == Failure(FailureReason.FORBIDDEN, "not allowed here")
