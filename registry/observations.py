"""What collectors learned, written down: the answers of many targets in one transaction.

A batch takes a handful of statements whatever its size, and none for containers where none changed.
All of it follows from the answers and the rows that are locked first: a transaction that is rolled
back leaves nothing behind, and an answer that comes twice finds its lease gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from registry.certificates import SeenCertificate, write_certificates
from registry.endpoints import Look, write_looks
from registry.events import Happened, write_events
from registry.facts.checks import NodeCheck
from registry.facts.containers import ContainerFacts
from registry.facts.domains import DomainFacts
from registry.facts.nodes import DiskUsage, EngineFacts, NodeFacts
from registry.facts.outcomes import Failure
from registry.gaps import close_gaps, gaps_behind, opened_gap, write_gaps
from registry.images import new_images
from registry.samples import NodeSamples, write_samples
from registry.schedule import DomainLease, NodeLease, settle_domains, settle_nodes
from registry.session import Connection
from registry.snapshots import Change, diff, read_open, write_changes
from registry.states import (
    Before,
    lock_domains,
    lock_nodes,
    outcome_row,
    read_engines,
    write_domain_states,
    write_node_states,
)
from registry.x509 import read_certificate

OutcomeT = TypeVar("OutcomeT")


@dataclass(frozen=True, slots=True)
class NodeResult:
    """One node's answer and when it was complete, by the database's clock; `check` where it was one."""

    lease: NodeLease
    outcome: NodeFacts | Failure
    finished_at: datetime
    check: NodeCheck | None = None


@dataclass(frozen=True, slots=True)
class DomainResult:
    """One domain's answer and when it was complete, by the database's clock."""

    lease: DomainLease
    outcome: DomainFacts | Failure
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class Recorded:
    """How many results were written, and the ids of targets whose result came with a stale token."""

    written: int
    discarded: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Known:
    """A node as a transaction left it: good while the database holds the same version.

    `disk` and `certificate` are what this process wrote last, None and empty where it wrote none.
    """

    version: int
    engine: EngineFacts | None
    containers: Mapping[str, ContainerFacts]
    disk: DiskUsage | None = None
    certificate: bytes = b""


@dataclass(frozen=True, slots=True)
class _Answer(Generic[OutcomeT]):
    """A node's outcome under a lease that is current, what was known before, and when it came."""

    lease: NodeLease
    before: Before
    at: datetime
    outcome: OutcomeT
    check: NodeCheck | None

    @property
    def node_id(self) -> int:
        return self.lease.question.node_id


class Recorder:
    """Writes results, comparing with what this process wrote last.

    One call of `record_nodes` or `record_domains` a transaction, after which the caller tells how it
    ended: `committed` or `rolled_back`. Not for two transactions at once.
    """

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}
        self._written: dict[int, _Known] = {}

    def is_current(self, node_id: int, version: int) -> bool:
        """Tell whether this process knows the node as the database has it at `version`."""
        known = self._known.get(node_id)
        return known is not None and known.version == version

    def committed(self) -> None:
        """Hold what was written for known: its transaction was committed."""
        self._known |= self._written
        self._written = {}

    def rolled_back(self) -> None:
        """Forget what was written: its transaction was rolled back, or nobody can tell."""
        self._written = {}

    async def record_nodes(self, tx: Connection, results: Sequence[NodeResult]) -> Recorded:
        """Write every result whose lease is still current; the others are discarded."""
        befores = await lock_nodes(tx, [result.lease for result in results])
        scrapes, failures = _sort(results, befores)
        changes = await self._compare(tx, scrapes)
        await write_certificates(tx, self._new_certificates(scrapes))
        states = [self._state_row(scrape) for scrape in scrapes]
        await write_node_states(tx, [*states, *map(_failure_row, failures)])
        await write_samples(tx, list(map(_samples, scrapes)))
        await write_changes(tx, changes)
        happened = [Happened(s.node_id, s.at, s.outcome.events) for s in scrapes]
        await write_events(tx, [*happened, *await new_images(tx, changes)])
        await _write_gaps(tx, scrapes, failures)
        answered = [(s.lease, s.at, 0) for s in scrapes]
        answered += [(f.lease, f.at, f.before.failures + 1) for f in failures]
        await settle_nodes(tx, answered)
        stale = {r.lease.question.node_id for r in results if r.lease.token not in befores}
        for node_id in stale:  # deleted, or another collector's now
            self._known.pop(node_id, None)
        return Recorded(len(befores), frozenset(stale))

    async def record_domains(self, tx: Connection, results: Sequence[DomainResult]) -> Recorded:
        """Write every result whose lease is still current; the others are discarded."""
        befores = await lock_domains(tx, [result.lease for result in results])
        rows, looks, answered = [], [], []
        for result in {r.lease.token: r for r in results if r.lease.token in befores}.values():
            domain_id, outcome = result.lease.question.domain_id, result.outcome
            at = befores[result.lease.token].rising(result.finished_at)
            answered.append((result.lease, at))
            if isinstance(outcome, DomainFacts):
                looks.append(look := Look(domain_id, at, outcome))
                rows.append({"domain_id": domain_id} | outcome_row(at, look.failure()))
            else:
                rows.append({"domain_id": domain_id} | outcome_row(at, outcome))
        await write_domain_states(tx, rows)
        await write_looks(tx, looks)
        await settle_domains(tx, answered)
        stale = {r.lease.question.domain_id for r in results if r.lease.token not in befores}
        return Recorded(len(befores), frozenset(stale))

    async def _compare(self, tx: Connection, scrapes: Sequence[_Answer[NodeFacts]]) -> list[Change]:
        """Return what changed, and note what will be known once that is committed."""
        unknown = [s.node_id for s in scrapes if not self.is_current(s.node_id, s.before.version)]
        read = await _read_known(tx, unknown) if unknown else {}
        changes = []
        for scrape in scrapes:
            known = read.get(scrape.node_id) or self._known[scrape.node_id]
            seen = {facts.container_id: facts for facts in scrape.outcome.containers}
            change = diff(scrape.node_id, scrape.at, known.containers, seen)
            if change is not None:
                changes.append(change)
            changed = change is not None or known.engine != scrape.outcome.engine
            version = scrape.before.version + changed
            facts = scrape.outcome
            self._written[scrape.node_id] = _Known(
                version, facts.engine, seen, facts.disk, facts.certificate
            )
        return changes

    def _new_certificates(self, scrapes: Sequence[_Answer[NodeFacts]]) -> list[SeenCertificate]:
        """Return what engines showed that this process has not written yet."""
        seen = []
        for scrape in scrapes:
            known, der = self._known.get(scrape.node_id), scrape.outcome.certificate
            if der and der != (known and known.certificate):
                seen.append(SeenCertificate(read_certificate(der).facts, scrape.at, issuers=None))
        return seen

    def _state_row(self, scrape: _Answer[NodeFacts]) -> dict[str, object]:
        facts, version = scrape.outcome, self._written[scrape.node_id].version
        row = outcome_row(scrape.at, None)
        row |= {"node_id": scrape.node_id, "version": version, "cost": facts.cost}
        known = self._known.get(scrape.node_id)
        if facts.disk != (known and known.disk):
            row["disk"] = facts.disk
        if version != scrape.before.version:
            row["engine"] = facts.engine
        if facts.certificate:
            row["certificate"] = read_certificate(facts.certificate).facts.fingerprint
        if scrape.check is not None:
            row["last_check"] = scrape.check
        if facts.cursor is not None:
            row |= {"event_time_nano": facts.cursor.time_nano, "event_keys": facts.cursor.keys}
        return row


def _sort(
    results: Sequence[NodeResult], befores: Mapping[UUID, Before]
) -> tuple[list[_Answer[NodeFacts]], list[_Answer[Failure]]]:
    """Part the results whose lease is current into scrapes and failures."""
    scrapes: list[_Answer[NodeFacts]] = []
    failures: list[_Answer[Failure]] = []
    for result in {r.lease.token: r for r in results if r.lease.token in befores}.values():
        before = befores[result.lease.token]
        at = before.rising(result.finished_at)
        if isinstance(result.outcome, NodeFacts):
            scrapes.append(_Answer(result.lease, before, at, result.outcome, result.check))
        else:
            failures.append(_Answer(result.lease, before, at, result.outcome, result.check))
    return scrapes, failures


async def _read_known(tx: Connection, node_ids: Sequence[int]) -> dict[int, _Known]:
    engines = await read_engines(tx, node_ids)
    containers = await read_open(tx, node_ids)
    return {
        node_id: _Known(0, engines.get(node_id), containers.get(node_id, {}))
        for node_id in node_ids
    }


def _failure_row(answer: _Answer[Failure]) -> dict[str, object]:
    row = outcome_row(answer.at, answer.outcome)
    if answer.check is not None:
        row["last_check"] = answer.check
    return row | {"node_id": answer.node_id, "version": answer.before.version}


def _samples(scrape: _Answer[NodeFacts]) -> NodeSamples:
    return NodeSamples(scrape.node_id, scrape.outcome.received_at, scrape.outcome.samples)


async def _write_gaps(
    tx: Connection,
    scrapes: Sequence[_Answer[NodeFacts]],
    failures: Sequence[_Answer[Failure]],
) -> None:
    await close_gaps(tx, [(s.node_id, s.at) for s in scrapes if s.before.failing])
    gaps = [
        gap
        for s in scrapes
        for gap in gaps_behind(
            s.node_id, s.before, s.at, s.lease.interval, events_lost=s.outcome.events_lost
        )
    ]
    gaps += [gap for f in failures if (gap := opened_gap(f.node_id, f.before, f.outcome))]
    await write_gaps(tx, gaps)
