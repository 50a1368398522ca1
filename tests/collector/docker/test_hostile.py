"""Engines that hang, trickle, lie or never stop: each its reason, in its time and bytes."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from collector.docker.probe import DockerProbe
from registry.facts.nodes import NodeFacts, NodeQuestion
from registry.facts.outcomes import Failure, FailureReason
from tests.collector.docker.labs import NETWORK, Asker
from tests.parts.engine import (
    Mischief,
    StandIn,
    break_off,
    endless,
    garbage,
    half_close,
    hang,
    hang_up,
    saying,
    serving,
    trickle,
)

LIMIT = 0.3
KINDS = ("version", "info", "list", "events", "inspect", "stats")
DOING = {
    "version": "connecting and asking for its version",
    "info": "connecting and asking for its version",
    "list": "listing its containers",
    "events": "reading its events",
    "inspect": "inspecting containers",
    "stats": "reading containers' stats",
}
ODD_BODIES = {
    "cut JSON": b'[{"Id": "ab',
    "a number": b"7",
    "wrong types": b'[{"Id": 5}]',
    "an error page": b"<html>Bad Gateway</html>",
    "nothing": b"{",
    "a lone surrogate": rb'["\ud800 has no other half"]',
    "bad UTF-8": b'["\xff\xfe"]',
    "deep nesting": b"[" * 100_000,
}


@pytest.fixture
async def asker(stand_in: StandIn) -> AsyncIterator[Asker]:
    """One with a small budget, for an engine with one container."""
    stand_in.world.run("web")
    asker = Asker(stand_in.url, max_bytes=1 << 20)
    yield asker
    await asker.close()


@contextmanager
def barred(url: str) -> Iterator[None]:
    """Take the right to open a socket from this process, root or not."""
    Path(url.removeprefix("unix://")).chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


async def fail(asker: Asker, stand_in: StandIn, kind: str, mischief: Mischief) -> Failure:
    """The failure of a question that meets mischief; afterwards the engine answers as before."""
    stand_in.mischief = {kind: mischief}
    failure = await asker.failure()
    stand_in.mischief = {}
    await asker.facts()
    return failure


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mischief", [hang, trickle])
async def test_a_slow_engine_times_out_and_the_phase_is_named(
    asker: Asker, stand_in: StandIn, kind: str, mischief: Mischief
) -> None:
    stand_in.mischief = {kind: mischief}
    asker.question = replace(asker.question, time_limit=LIMIT)
    began_at = time.monotonic()
    failure = await asker.failure()
    assert time.monotonic() - began_at < LIMIT + 1
    assert failure.reason is FailureReason.TIMEOUT
    assert failure.detail == f"no answer within 0.3 s while {DOING[kind]}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mischief", [break_off, garbage, half_close, hang_up])
async def test_an_engine_that_breaks_the_protocol_says_so(
    asker: Asker, stand_in: StandIn, kind: str, mischief: Mischief
) -> None:
    failure = await fail(asker, stand_in, kind, mischief)
    assert failure.reason is FailureReason.PROTOCOL


@pytest.mark.parametrize("kind", KINDS)
async def test_an_endless_answer_is_too_large(asker: Asker, stand_in: StandIn, kind: str) -> None:
    failure = await fail(asker, stand_in, kind, endless)
    assert failure.reason is FailureReason.TOO_LARGE
    assert re.fullmatch(r"the answer to GET /\S+ is larger than 1 MiB", failure.detail)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES)
async def test_an_unreadable_answer_is_named(
    asker: Asker, stand_in: StandIn, kind: str, body: bytes
) -> None:
    failure = await fail(asker, stand_in, kind, saying(body))
    assert failure.reason is FailureReason.PROTOCOL
    assert failure.detail.startswith("cannot read ")


@pytest.mark.parametrize("kind", ["version", "info", "list", "events"])
@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("401 Unauthorized", FailureReason.AUTH),
        ("403 Forbidden", FailureReason.FORBIDDEN),
        ("500 Internal Server Error", FailureReason.PROTOCOL),
        ("302 Found", FailureReason.PROTOCOL),
    ],
)
async def test_an_error_status_is_told_in_the_engines_words(
    asker: Asker, stand_in: StandIn, kind: str, status: str, reason: FailureReason
) -> None:
    failure = await fail(asker, stand_in, kind, saying(b'{"message": "not\\u0000 today"}', status))
    assert failure.reason is reason
    assert f"answered {status[:3]}: not" in failure.detail


async def test_a_proxy_that_forbids_stats_is_named(asker: Asker, stand_in: StandIn) -> None:
    failure = await fail(asker, stand_in, "stats", saying(b"no", "403 Forbidden"))
    assert failure.reason is FailureReason.FORBIDDEN
    assert "stats answered 403" in failure.detail


async def test_100_000_containers_are_too_many(asker: Asker, stand_in: StandIn) -> None:
    rows = [{"Id": f"{number:064x}"} for number in range(100_000)]
    stand_in.mischief = {"list": saying(json.dumps(rows).encode())}
    small = await asker.failure()
    assert small.reason is FailureReason.TOO_LARGE
    patient = Asker(stand_in.url)
    assert "100000 containers" in (await patient.failure()).detail
    await patient.close()


async def test_an_id_that_is_a_path_is_not_asked_for(asker: Asker, stand_in: StandIn) -> None:
    stand_in.mischief = {"list": saying(b'[{"Id": "../../images/json?"}]')}
    assert (await asker.failure()).reason is FailureReason.PROTOCOL
    assert not [request for request in stand_in.requests if "images" in request]


async def test_an_answer_nobody_asked_for_ends_the_connection(
    asker: Asker, stand_in: StandIn
) -> None:
    async def say_twice(transport: asyncio.Transport, good: bytes) -> None:
        transport.write(good + good)

    await asker.facts()
    stand_in.mischief = {"events": say_twice}
    await asker.outcome()
    stand_in.mischief = {}
    assert (await asker.facts()).containers[0].name == "web"


async def test_a_missing_socket_is_unreachable(tmp_path: Path) -> None:
    failure = await Asker(f"unix://{tmp_path}/none.sock").failure()
    assert failure.reason is FailureReason.UNREACHABLE
    assert failure.detail == f"{tmp_path}/none.sock does not exist: is Docker running there?"


async def test_a_socket_without_listener_refuses(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(f"{tmp_path}/old.sock")
    failure = await Asker(f"unix://{tmp_path}/old.sock").failure()
    assert failure.reason is FailureReason.REFUSED


async def test_a_full_queue_refuses(tmp_path: Path) -> None:
    path = f"{tmp_path}/full.sock"
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as first:
        busy.bind(path)
        busy.listen(0)
        first.connect(path)
        failure = await Asker(f"unix://{path}", time_limit=LIMIT).failure()
    assert failure.reason is FailureReason.REFUSED


async def test_a_socket_of_others_is_forbidden_and_says_what_to_do(stand_in: StandIn) -> None:
    with barred(stand_in.url):
        failure = await Asker(stand_in.url).failure()
    assert failure.reason is FailureReason.FORBIDDEN
    assert "add its user to the socket's group" in failure.detail


async def test_an_unknown_scheme_is_unreachable() -> None:
    failure = await Asker("carrier-pigeon://roof").failure()
    assert failure.reason is FailureReason.UNREACHABLE
    assert "unix://" in failure.detail


async def test_a_fault_of_ours_is_internal(stand_in: StandIn) -> None:
    def broken_clock() -> float:
        raise ZeroDivisionError

    probe = DockerProbe(broken_clock, NETWORK)
    outcome = await probe.ask(NodeQuestion(1, "node", stand_in.url, 1.0, 1 << 20))
    assert isinstance(outcome, Failure)
    assert outcome.reason is FailureReason.INTERNAL
    await probe.close()


async def test_a_cancelled_question_leaves_no_connection(stand_in: StandIn) -> None:
    stand_in.mischief = {"list": hang}
    asker = Asker(stand_in.url)
    task = asyncio.create_task(asker.outcome())
    async with asyncio.timeout(5):
        while not any("containers" in request for request in stand_in.requests):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while stand_in.connections:
            await asyncio.sleep(0.01)


async def test_hostile_engines_do_not_delay_their_neighbours(tmp_path: Path) -> None:
    misdeeds = [hang, trickle, endless, garbage, half_close]
    probe = DockerProbe(time.time, NETWORK)
    async with AsyncExitStack() as stack:
        engines = [StandIn() for _ in range(25)]
        for number, engine in enumerate(engines):
            engine.world.run("web")
            await stack.enter_async_context(serving(engine, tmp_path / f"{number}.sock"))
        for engine, misdeed in zip(engines, misdeeds, strict=False):
            engine.mischief = {"list": misdeed}

        async def ask(number: int) -> tuple[bool, float]:
            began_at = time.monotonic()
            question = NodeQuestion(number, "node", engines[number].url, 2.0, 8 << 20)
            answered = isinstance(await probe.ask(question), NodeFacts)
            return answered, time.monotonic() - began_at

        outcomes = await asyncio.gather(*(ask(number) for number in range(25)))
        await probe.close()
    assert [answered for answered, _ in outcomes] == [False] * 5 + [True] * 20
    assert max(seconds for _, seconds in outcomes[5:]) < 1.9
