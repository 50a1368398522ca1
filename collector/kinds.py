"""The table of what is asked: nodes and domains, each with its claim, its probe and its record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from collector.clock import DatabaseClock
from collector.cycle import Kind, Tally
from collector.docker.probe import DockerProbe
from collector.tls.probe import TlsProbe
from registry.credentials import Keyring
from registry.facts.outcomes import Failure, FailureReason
from registry.observations import DomainResult, NodeResult, Recorder
from registry.schedule import Defaults, DomainLease, NodeLease, claim_domains, claim_nodes
from registry.session import Connection

# A dead node holds its place for its time-out: room for a fleet of which a tenth hangs.
_NODES_IN_FLIGHT = 500
_DOMAINS_IN_FLIGHT = 200

ResultT = TypeVar("ResultT", NodeResult, DomainResult)


def node_kind(
    probe: DockerProbe, clock: DatabaseClock, defaults: Defaults, keyring: Keyring
) -> Kind[NodeLease, NodeResult]:
    """Nodes, asked by the Docker probe with credentials of `keyring`."""
    recorder = Recorder()

    async def claim(tx: Connection, now: datetime, limit: int) -> list[NodeLease]:
        return await claim_nodes(tx, now, limit, defaults, keyring)

    async def ask(lease: NodeLease) -> NodeResult:
        node_id = lease.question.node_id
        # What the probe remembers is good only while nobody else has written this node since.
        if not recorder.is_current(node_id, lease.version):
            probe.forget(node_id)
        if lease.is_check:
            outcome, check = await probe.check(lease.question)
            return NodeResult(lease, outcome, clock.now(), check)
        return NodeResult(lease, await probe.ask(lease.question), clock.now())

    async def record(tx: Connection, results: Sequence[NodeResult]) -> Tally:
        recorded = await recorder.record_nodes(tx, results)
        return _tally(results, len(recorded.discarded))

    def rolled_back(results: Sequence[NodeResult]) -> None:
        recorder.rolled_back()
        for result in results:
            probe.forget(result.lease.question.node_id)

    return Kind(
        "nodes", _NODES_IN_FLIGHT, claim, ask, record, recorder.committed, rolled_back, _spoil
    )


def domain_kind(
    probe: TlsProbe, clock: DatabaseClock, defaults: Defaults
) -> Kind[DomainLease, DomainResult]:
    """Domains, asked by the TLS probe."""
    recorder = Recorder()

    async def claim(tx: Connection, now: datetime, limit: int) -> list[DomainLease]:
        return await claim_domains(tx, now, limit, defaults)

    async def ask(lease: DomainLease) -> DomainResult:
        return DomainResult(lease, await probe.ask(lease.question), clock.now())

    async def record(tx: Connection, results: Sequence[DomainResult]) -> Tally:
        recorded = await recorder.record_domains(tx, results)
        return _tally(results, len(recorded.discarded))

    def rolled_back(_results: Sequence[DomainResult]) -> None:
        recorder.rolled_back()

    return Kind(
        "domains", _DOMAINS_IN_FLIGHT, claim, ask, record, recorder.committed, rolled_back, _spoil
    )


def _tally(results: Sequence[NodeResult] | Sequence[DomainResult], discarded: int) -> Tally:
    failures = sum(isinstance(result.outcome, Failure) for result in results)
    return Tally(probes=len(results), failures=failures, discarded=discarded)


def _spoil(result: ResultT, error: Exception) -> ResultT:
    """Stand in for an answer that the database refused: the target's own failure, and ours."""
    detail = f"its answer could not be recorded: {type(error).__name__}"
    return replace(result, outcome=Failure(FailureReason.INTERNAL, detail))
