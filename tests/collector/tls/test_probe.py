"""One domain and all its addresses: each its own outcome, all within one time limit."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from registry.facts.domains import DomainFacts, EndpointOutcome
from registry.facts.outcomes import Failure, FailureReason
from tests.collector.tls.asking import NAME, Asker, World
from tests.parts.require import missing
from tests.parts.tls import Server, hold, listen, serve


async def endpoints(asker: Asker, server: Server, limit: float = 5.0) -> dict[str, EndpointOutcome]:
    facts = await asker.ask(server, domain=NAME, limit=limit)
    assert isinstance(facts, DomainFacts), facts
    return {endpoint.address: endpoint for endpoint in facts.endpoints}


async def test_every_address_is_asked_and_has_its_own_certificate(
    world: World, asker: Asker
) -> None:
    require_ipv6()
    asker.names[NAME] = ["::1", "127.0.0.2", "127.0.0.1", "127.0.0.2"]
    identities = {address: world.issuer.issue([NAME]) for address in asker.names[NAME]}
    with ExitStack() as stack:
        server = stack.enter_context(serve(identities["127.0.0.1"]))
        for address in ("127.0.0.2", "::1"):
            stack.enter_context(serve(identities[address], address=address, port=server.port))
        found = await endpoints(asker, server)
    assert list(found) == ["127.0.0.1", "127.0.0.2", "::1"]
    for address, endpoint in found.items():
        assert endpoint.facts
        assert endpoint.facts.certificate.fingerprint == identities[address].fingerprint


def require_ipv6() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        missing("IPv6 on the loopback")


async def test_an_address_that_stalls_hurts_no_other(world: World, asker: Asker) -> None:
    asker.names[NAME] = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    with (
        serve(world.issuer.issue([NAME])) as server,
        listen(hold, address="127.0.0.2", port=server.port),
    ):
        found = await endpoints(asker, server, limit=0.5)
    assert found["127.0.0.1"].facts
    assert found["127.0.0.1"].seconds < 0.4
    assert reason(found["127.0.0.2"]) is FailureReason.TIMEOUT
    assert reason(found["127.0.0.3"]) is FailureReason.REFUSED


def reason(endpoint: EndpointOutcome) -> FailureReason | None:
    return endpoint.failure.reason if endpoint.failure else None


async def test_an_address_that_the_policy_forbids_is_not_connected_to(
    world: World, asker: Asker
) -> None:
    asker.names[NAME] = ["127.0.0.1", "127.0.0.2"]
    asker.forbidden["127.0.0.2"] = "SETTING=true allows it"
    connected: list[object] = []
    with (
        serve(world.issuer.issue([NAME])) as server,
        listen(connected.append, address="127.0.0.2", port=server.port),
    ):
        found = await endpoints(asker, server)
    assert found["127.0.0.1"].facts
    assert found["127.0.0.2"].failure == Failure(FailureReason.FORBIDDEN, "SETTING=true allows it")
    assert connected == []


async def test_at_most_16_addresses_are_asked(asker: Asker) -> None:
    asker.names[NAME] = [f"127.0.0.{number}" for number in range(1, 40)]
    asker.forbidden.update(dict.fromkeys(asker.names[NAME], "no"))
    found = await endpoints(asker, Server("", 1))
    assert list(found) == [f"127.0.0.{number}" for number in range(1, 17)]


async def test_a_name_without_an_address_is_a_failure_of_the_whole_domain(asker: Asker) -> None:
    asker.names[NAME] = []
    outcome = await asker.ask(Server("", 1), domain=NAME)
    assert outcome == Failure(FailureReason.DNS, "example.test has no address")


async def test_a_resolver_that_never_answers_is_a_dns_failure_in_time(
    asker: Asker,
) -> None:
    async def never(_: str) -> Iterable[str]:
        await asyncio.Event().wait()
        return []

    asker.probe._lookup = never
    outcome = await asker.ask(Server("", 1), domain=NAME, limit=0.1)
    assert outcome == Failure(FailureReason.DNS, "example.test was not resolved within 0.1 s")


async def test_a_port_on_which_nothing_listens_is_refused(asker: Asker) -> None:
    with listen(hold) as server:
        pass
    assert (await asker.failure(server)).reason is FailureReason.REFUSED


async def test_a_connection_that_is_not_accepted_times_out_and_the_step_is_named(
    asker: Asker,
) -> None:
    with full_queue() as server:
        failure = await asker.failure(server, limit=0.2)
    assert failure == Failure(FailureReason.TIMEOUT, "connecting took longer than 0.2 s")


@contextmanager
def full_queue() -> Iterator[Server]:
    """Listen and never accept; the kernel drops what comes when the queue is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, ExitStack() as stack:
        for _ in range(3):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield Server(*listener.getsockname())


async def test_a_surprise_in_one_address_is_an_internal_failure_of_that_address(
    world: World, asker: Asker
) -> None:
    asker.names[NAME] = ["127.0.0.1", "127.0.0.2"]

    def refuse(address: str) -> str | None:
        return str(1 / 0) if address == "127.0.0.2" else None

    asker.probe._refuse = refuse
    with serve(world.issuer.issue([NAME])) as server:
        found = await endpoints(asker, server)
    assert found["127.0.0.1"].facts
    assert reason(found["127.0.0.2"]) is FailureReason.INTERNAL


async def test_cancelling_a_question_leaves_nothing_open(asker: Asker) -> None:
    begun, closed = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def watch(connection: socket.socket) -> None:
        connection.recv(1)
        loop.call_soon_threadsafe(begun.set)
        hold(connection)
        loop.call_soon_threadsafe(closed.set)

    with listen(watch) as server:
        task = asyncio.create_task(asker.ask(server))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(closed.wait(), 5)


async def test_what_a_probe_took_is_told(world: World, asker: Asker) -> None:
    with serve(world.issuer.issue([NAME])) as server:
        facts = await asker.ask(server)
    assert isinstance(facts, DomainFacts)
    assert facts.cost.requests == 1
    assert 500 < facts.cost.received_bytes < 5000
    assert facts.cost.phase_seconds.keys() == {"resolve", "ask"}
