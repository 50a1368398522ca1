"""A collector that asks nobody: it answers every target that is due with one failure."""

from __future__ import annotations

import asyncio

from registry.facts.outcomes import Failure, FailureReason
from registry.observations import DomainResult, NodeResult, Recorder
from registry.schedule import Defaults, claim_domains, claim_nodes
from registry.session import Engine, database_now
from tests.registry.targets import NO_KEYS

FAILURE = Failure(FailureReason.REFUSED, "nothing listens there")
_DEFAULTS = Defaults(15, 10, 3600, 10, 1 << 20)


async def answer_everything(engine: Engine, takes: float = 0.02) -> None:
    """Claim and answer until cancelled; an answer takes so many seconds."""
    recorder = Recorder()
    while True:
        async with engine.begin() as tx:
            now = await database_now(tx)
            nodes = await claim_nodes(tx, now, 100, _DEFAULTS, NO_KEYS)
            domains = await claim_domains(tx, now, 100, _DEFAULTS)
        await asyncio.sleep(takes)
        async with engine.begin() as tx:
            now = await database_now(tx)
            await recorder.record_nodes(tx, [NodeResult(lease, FAILURE, now) for lease in nodes])
            results = [DomainResult(lease, FAILURE, now) for lease in domains]
            await recorder.record_domains(tx, results)
        recorder.committed()
