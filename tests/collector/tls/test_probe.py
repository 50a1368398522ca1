"""One domain and all its addresses: each its own outcome, all within one time limit."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from collector.tls.probe import TlsProbe
from registry.facts.domains import (
    AddressSource,
    DomainFacts,
    DomainQuestion,
    EndpointOutcome,
    StartTls,
    Verdict,
)
from registry.facts.outcomes import Failure, FailureReason
from tests.collector.tls.asking import NAME, Asker, World
from tests.parts.require import missing
from tests.parts.tls import Authority, Server, hold, listen, serve


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

    asker.probe._refuse = dict.fromkeys(AddressSource, refuse)
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


# ---------------------------------------------------------------------------- the node's own address


async def ask_pinned(asker: Asker, port: int, node_host: str) -> DomainFacts | Failure:
    question = DomainQuestion(1, NAME, port, StartTls.NONE, NAME, 5.0, node_host=node_host)
    return await asker.probe.ask(question)


async def test_a_node_is_asked_at_its_own_address_beside_what_dns_gives(
    world: World, asker: Asker
) -> None:
    asker.names = {NAME: ["127.0.0.1"], "web-1.test": ["127.0.0.2"]}
    with (
        serve(world.issuer.issue([NAME])) as server,
        serve(world.issuer.issue(["other.test"]), address="127.0.0.2", port=server.port),
    ):
        facts = await ask_pinned(asker, server.port, "web-1.test")
    assert isinstance(facts, DomainFacts)
    told = {one.address: (one.source, one.facts and one.facts.verdict) for one in facts.endpoints}
    assert told == {
        "127.0.0.1": (AddressSource.RESOLVED, Verdict.OK),
        "127.0.0.2": (AddressSource.NODE, Verdict.HOSTNAME_MISMATCH),
    }
    assert facts.unresolved is None


async def test_an_address_that_dns_gives_too_is_a_resolved_one(world: World, asker: Asker) -> None:
    asker.names = {NAME: ["127.0.0.1"], "web-1.test": ["127.0.0.1"]}
    with serve(world.issuer.issue([NAME])) as server:
        facts = await ask_pinned(asker, server.port, "web-1.test")
    assert isinstance(facts, DomainFacts)
    assert [one.source for one in facts.endpoints] == [AddressSource.RESOLVED]


async def test_a_node_is_asked_before_its_name_is_in_dns(world: World, asker: Asker) -> None:
    asker.names = {NAME: []}
    with serve(world.issuer.issue([NAME])) as server:
        facts = await ask_pinned(asker, server.port, "127.0.0.1")
    assert isinstance(facts, DomainFacts)
    assert [(one.source, bool(one.facts)) for one in facts.endpoints] == [
        (AddressSource.NODE, True)
    ]
    assert facts.unresolved
    assert facts.unresolved.reason is FailureReason.DNS


async def test_a_node_whose_name_cannot_be_resolved_takes_nothing_from_the_domain(
    world: World, asker: Asker
) -> None:
    asker.names = {NAME: ["127.0.0.1"], "gone.test": []}
    with serve(world.issuer.issue([NAME])) as server:
        facts = await ask_pinned(asker, server.port, "gone.test")
    assert isinstance(facts, DomainFacts)
    assert len(facts.endpoints) == 1


async def test_a_node_may_be_asked_where_a_domain_may_not(world: World) -> None:
    probe = TlsProbe(
        trust_bundle=world.bundle, refuse=lambda _: "private", refuse_node=lambda _: None
    )
    with serve(world.issuer.issue([NAME])) as server:
        question = DomainQuestion(
            1, "localhost", server.port, StartTls.NONE, NAME, 5.0, "127.0.0.9"
        )
        facts = await probe.ask(question)
    assert isinstance(facts, DomainFacts)
    reasons = {one.source: one.failure and one.failure.reason for one in facts.endpoints}
    assert reasons[AddressSource.RESOLVED] is FailureReason.FORBIDDEN
    assert reasons[AddressSource.NODE] is FailureReason.REFUSED


# ---------------------------------------------------------------------------- authorities of one's own


async def test_an_authority_of_the_question_is_trusted_for_it_alone(asker: Asker) -> None:
    private = Authority.create("Private Root")
    der = private.certificate.public_bytes(Encoding.DER)
    with serve(private.issue([NAME])) as server:
        question = DomainQuestion(1, "127.0.0.1", server.port, StartTls.NONE, NAME, 5.0)
        trusting = replace(question, authorities=(der,))
        verdicts = [
            facts.endpoints[0].facts and facts.endpoints[0].facts.verdict
            for one in (trusting, question, trusting)
            if isinstance(facts := await asker.probe.ask(one), DomainFacts)
        ]
    assert verdicts == [Verdict.OK, Verdict.UNKNOWN_AUTHORITY, Verdict.OK]


async def test_the_first_end_among_what_was_sent_is_told(world: World, asker: Asker) -> None:
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(days=9)
    short = world.root.intermediate("Short", not_after=soon)
    with serve(short.issue([NAME])) as server:
        facts = await asker.facts(server)
    assert facts.sent_not_after == soon
