"""A check tells each step of the way to an engine, and where the way ends."""

from __future__ import annotations

import asyncio

from registry.facts.checks import CheckStep
from registry.facts.credentials import TlsCredential
from registry.facts.nodes import NodeFacts
from registry.facts.outcomes import Failure, FailureReason
from tests.collector.docker.labs import Asker, Way
from tests.parts.dockerd import RealEngine
from tests.parts.engine import StandIn, hang, saying
from tests.parts.ports import free_port

CALLS = [
    "GET /version",
    "GET /info",
    "GET /containers/json",
    "GET /events",
    "GET /containers/{id}/json",
    "GET /images/json",
    "GET /containers/{id}/stats",
]


async def check(asker: Asker) -> tuple[NodeFacts | Failure, dict[str, CheckStep]]:
    try:
        outcome, report = await asker.probe.check(asker.question)
    finally:
        await asker.close()
    return outcome, {step.name: step for step in report.steps}


async def test_every_step_is_told_in_its_order_with_time_bytes_and_status(
    asker: Asker, stand_in: StandIn
) -> None:
    for number in range(3):
        stand_in.world.run(f"web-{number}")
    outcome, steps = await check(asker)
    assert isinstance(outcome, NodeFacts)
    assert list(steps) == ["socket", *CALLS]
    assert steps["socket"].detail == stand_in.url.removeprefix("unix://")
    stats = steps["GET /containers/{id}/stats"]
    assert (stats.calls, stats.detail, stats.ok) == (3, "200", True)
    assert all(step.seconds > 0 for step in steps.values())
    assert sum(step.received_bytes for step in steps.values()) == outcome.cost.received_bytes


async def test_a_check_takes_each_step_anew_and_disturbs_no_scrape(
    asker: Asker, stand_in: StandIn
) -> None:
    box = stand_in.world.run("web")
    before = await asker.facts()
    stand_in.world.die(box, 1)
    outcome, report = await asker.probe.check(asker.question)
    assert [step.name for step in report.steps] == ["socket", *CALLS[:-1]]
    assert isinstance(outcome, NodeFacts)
    stand_in.requests.clear()
    after = await asker.facts()
    assert after.containers != before.containers
    assert any("/json" in request and box.id in request for request in stand_in.requests)


async def test_the_way_ends_at_the_step_that_fails(asker: Asker, stand_in: StandIn) -> None:
    stand_in.world.run("web")
    stand_in.mischief = {"stats": saying(b'{"message":"forbidden by the proxy"}', "403 Forbidden")}
    outcome, steps = await check(asker)
    assert isinstance(outcome, Failure)
    assert outcome.reason is FailureReason.FORBIDDEN
    assert list(steps)[-1] == "GET /containers/{id}/stats"
    assert steps["GET /containers/{id}/stats"].detail == "403"


async def test_a_call_that_hangs_is_the_step_that_is_not_well(stand_in: StandIn) -> None:
    stand_in.mischief = {"events": hang}
    outcome, steps = await check(Asker(stand_in.url, time_limit=0.3))
    assert isinstance(outcome, Failure)
    assert [name for name, step in steps.items() if not step.ok] == ["GET /events"]
    assert steps["GET /events"].seconds > 0.2


async def test_a_host_that_is_not_reached_has_one_step() -> None:
    outcome, steps = await check(Asker(f"tcp://127.0.0.1:{free_port()}"))
    assert isinstance(outcome, Failure)
    assert [(step.name, step.ok) for step in steps.values()] == [("reach", False)]


async def test_a_way_that_cannot_be_gone_has_no_step() -> None:
    outcome, steps = await check(Asker("http://127.0.0.1"))
    assert (type(outcome), steps) == (Failure, {})


async def test_tls_tells_the_engines_certificate(over_tls: Way) -> None:
    outcome, steps = await check(over_tls.asker())
    assert isinstance(outcome, NodeFacts)
    assert list(steps)[:2] == ["reach", "TLS"]
    assert "TLSv1.3; its certificate is for" in steps["TLS"].detail


async def test_tls_with_a_strangers_engine_ends_there(
    over_tls: Way, docker_engine: RealEngine
) -> None:
    assert isinstance(over_tls.credential, TlsCredential)
    stranger = TlsCredential(
        "", certificate=over_tls.credential.certificate, key=over_tls.credential.key
    )
    outcome, steps = await check(Way(docker_engine.tcp_url, stranger).asker())
    assert isinstance(outcome, Failure)
    assert [(step.name, step.ok) for step in steps.values()] == [("reach", True), ("TLS", False)]


async def test_ssh_tells_who_we_are_there(over_ssh: Way) -> None:
    outcome, steps = await check(over_ssh.asker())
    assert isinstance(outcome, NodeFacts)
    assert list(steps)[:2] == ["reach", "SSH"]
    assert "OpenSSH" in steps["SSH"].detail


async def test_a_check_leaves_no_connection(asker: Asker, stand_in: StandIn) -> None:
    await asker.probe.check(asker.question)
    async with asyncio.timeout(5):
        while stand_in.connections:
            await asyncio.sleep(0.01)
