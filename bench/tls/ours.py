"""Our own probe, asked in the ways that are measured."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from bench.tls.servers import Target
from collector.cycle import BEAT_SECONDS
from collector.tls.probe import TlsProbe
from registry.facts.domains import DomainFacts, DomainQuestion, StartTls, Verdict

_IN_FLIGHT = 4


def make_probe(target: Target) -> TlsProbe:
    """Make a probe that trusts the servers' root."""
    return TlsProbe(trust_bundle=target.bundle, refuse=lambda _address: None, clock=time.time)


async def ask_repeatedly(
    probe: TlsProbe,
    target: Target,
    server_name: str,
    probes: int,
    expected: Verdict = Verdict.OK,
) -> None:
    """Ask one server so many times, a few in flight, each with the verdict that is expected."""
    question = _question(target.addresses[0], target.port, server_name)

    async def ask_some() -> None:
        for _ in range(probes // _IN_FLIGHT):
            await _ask(probe, question, expected)

    await asyncio.gather(*(ask_some() for _ in range(_IN_FLIGHT)))


async def ask_paced(probe: TlsProbe, target: Target, interval: float, rounds: int) -> int:
    """Ask every server once an interval, at each beat those that are due; return how many were asked."""
    questions = [_question(each, target.port, each) for each in target.addresses]
    beats = round(interval / BEAT_SECONDS)
    due = time.monotonic()
    for beat in range(beats * rounds):
        await asyncio.gather(*(_ask(probe, each) for each in _share(questions, beat, beats)))
        due += BEAT_SECONDS
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    return len(questions) * rounds


def _share(questions: Sequence[DomainQuestion], beat: int, beats: int) -> Sequence[DomainQuestion]:
    return questions[beat % beats :: beats]


def _question(address: str, port: int, server_name: str) -> DomainQuestion:
    return DomainQuestion(1, address, port, StartTls.NONE, server_name, 5.0)


async def _ask(probe: TlsProbe, question: DomainQuestion, expected: Verdict = Verdict.OK) -> None:
    outcome = await probe.ask(question)
    assert isinstance(outcome, DomainFacts), outcome
    facts = outcome.endpoints[0].facts
    assert facts is not None, outcome.endpoints[0]
    assert facts.verdict is expected, facts.faults
