"""Targets and the facts about them, as small as a test can use them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import event, text

from registry.credentials import Keyring
from registry.facts.containers import ContainerFacts, ContainerSample, ContainerState
from registry.facts.domains import (
    CertificateFacts,
    DomainFacts,
    EndpointFacts,
    EndpointOutcome,
    Verdict,
)
from registry.facts.nodes import EngineEvent, EngineFacts, EventCursor, NodeFacts
from registry.facts.outcomes import Cost, Failure, FailureReason
from registry.observations import DomainResult, NodeResult, Recorded, Recorder
from registry.schedule import Defaults, DomainLease, NodeLease, claim_domains, claim_nodes
from registry.session import Connection
from registry.vault import Vault

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DEFAULTS = Defaults(15.0, 10.0, 3600.0, 8.0, 1 << 24)
NO_KEYS = Keyring(Vault([]))
ENGINE = EngineFacts(
    "id", "host", "29.0", "1.52", "Debian 13", "x86_64", "6.12", "overlay2", "2", 4, 8 << 30
)
REFUSED = Failure(FailureReason.REFUSED, "nothing listens there")


def later(seconds: float) -> datetime:
    """Return the moment that many seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


# ---------------------------------------------------------------------------- rows


async def fetch(tx: Connection, query: str, **values: object) -> list[tuple[object, ...]]:
    """Run a query and return its rows."""
    return [tuple(row) for row in await tx.execute(text(query), values)]


async def value(tx: Connection, query: str, **values: object) -> object:
    """Run a query and return the one value it yields."""
    return (await tx.execute(text(query), values)).scalar_one()


@contextmanager
def statements(tx: Connection) -> Iterator[list[str]]:
    """Collect the statements that are run on `tx`."""
    run: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        run.append(statement)

    event.listen(tx.sync_connection, "before_cursor_execute", note)
    try:
        yield run
    finally:
        event.remove(tx.sync_connection, "before_cursor_execute", note)


async def add_node(
    tx: Connection,
    name: str = "alpha",
    *,
    enabled: bool = True,
    interval: float | None = None,
    time_limit: float | None = None,
    due_at: datetime = NOW,
) -> int:
    """Register a node the way nodes.create_node leaves it, and return its id."""
    created = await tx.execute(
        text("""
            INSERT INTO vps_nodes (name, docker_url, enabled, interval_seconds, timeout_seconds,
                                   created_at, updated_at)
            VALUES (:name, 'unix:///run/docker.sock', :enabled, :interval, :time_limit, :now, :now)
            RETURNING id
        """),
        {
            "name": name,
            "enabled": enabled,
            "interval": interval,
            "time_limit": time_limit,
            "now": NOW,
        },
    )
    node_id: int = created.scalar_one()
    await tx.execute(
        text("""
            WITH state AS (
                INSERT INTO node_state (node_id, version, consecutive_failures, scrapes_total, failures_total)
                VALUES (:id, 0, 0, 0, 0)
            )
            INSERT INTO schedule (node_id, next_due_at) VALUES (:id, :due_at)
        """),
        {"id": node_id, "due_at": due_at},
    )
    return node_id


async def add_domain(
    tx: Connection,
    name: str = "example.org",
    *,
    port: int = 443,
    enabled: bool = True,
    server_name: str | None = None,
    time_limit: float | None = None,
    due_at: datetime = NOW,
) -> int:
    """Register a domain the way domains.create_domain leaves it, and return its id."""
    created = await tx.execute(
        text("""
            INSERT INTO domains (name, port, starttls, server_name, enabled, timeout_seconds,
                                 created_at, updated_at)
            VALUES (:name, :port, 'none', :server_name, :enabled, :time_limit, :now, :now)
            RETURNING id
        """),
        {
            "name": name,
            "port": port,
            "server_name": server_name,
            "enabled": enabled,
            "time_limit": time_limit,
            "now": NOW,
        },
    )
    domain_id: int = created.scalar_one()
    await tx.execute(
        text("""
            WITH state AS (
                INSERT INTO domain_state (domain_id, consecutive_failures, probes_total, failures_total)
                VALUES (:id, 0, 0, 0)
            )
            INSERT INTO schedule (domain_id, next_due_at) VALUES (:id, :due_at)
        """),
        {"id": domain_id, "due_at": due_at},
    )
    return domain_id


# Everything a recording can touch; xmin tells a row that was written again with the same values.
TABLES = (
    *("node_state", "schedule", "container_snapshots", "events", "event_counters", "node_gaps"),
    *("node_samples", "domain_state", "endpoints", "certificates"),
)


async def dump(tx: Connection) -> dict[str, list[str]]:
    """Return every row that observations touch, with the transaction that wrote it."""
    query = "SELECT CAST((x.xmin, x.*) AS text) FROM {} x ORDER BY 1"
    return {
        table: [str(row[0]) for row in await fetch(tx, query.format(table))] for table in TABLES
    }


# ---------------------------------------------------------------------------- facts of nodes


def container(name: str = "web", **changes: object) -> ContainerFacts:
    """Make a running container whose id follows from its name."""
    facts = ContainerFacts(
        container_id=name.encode().hex(),
        name=name,
        image="nginx:1.27",
        image_id="sha256:1",
        state=ContainerState.RUNNING,
    )
    return replace(facts, **changes)  # type: ignore[arg-type]  # the fields' names are the caller's


def die(time_nano: int, name: str = "web", action: str = "die") -> EngineEvent:
    """Make an event of the container of that name."""
    return EngineEvent(time_nano, "container", action, name.encode().hex(), name, "nginx:1.27", 137)


def node_facts(
    *containers: ContainerFacts,
    samples: Sequence[ContainerSample] = (),
    events: Sequence[EngineEvent] = (),
    cursor: EventCursor | None = None,
    events_lost: bool = False,
    engine: EngineFacts = ENGINE,
) -> NodeFacts:
    """Make what one scrape learned."""
    return NodeFacts(
        engine=engine,
        containers=containers,
        samples=tuple(samples),
        events=tuple(events),
        cursor=cursor,
        events_lost=events_lost,
        received_at=NOW.timestamp(),
        cost=Cost(requests=3, received_bytes=1000, phase_seconds={"list": 0.01}),
    )


# ---------------------------------------------------------------------------- facts of domains


def certificate(name: str = "example.org", not_after: datetime | None = None) -> CertificateFacts:
    """Make a certificate whose fingerprint follows from its name."""
    return CertificateFacts(
        fingerprint=name.encode().hex(),
        der=name.encode(),
        subject=f"CN={name}",
        sans=(name,),
        not_before=NOW,
        not_after=not_after or later(90 * 86400),
    )


def endpoint(
    address: str = "192.0.2.1", shown: CertificateFacts | None = None, port: int = 443
) -> EndpointOutcome:
    """Make an address that showed a certificate."""
    shown = shown or certificate()
    facts = EndpointFacts(
        shown, (shown.der, b"issuer"), Verdict.OK, (), "TLSv1.3", "TLS_AES_128_GCM_SHA256"
    )
    return EndpointOutcome(address, port, 0.1, facts=facts)


def refused(address: str = "192.0.2.1", port: int = 443) -> EndpointOutcome:
    """Make an address that refused the connection."""
    return EndpointOutcome(address, port, 0.2, failure=REFUSED)


# ---------------------------------------------------------------------------- claim and record


async def lease_node(tx: Connection, now: datetime = NOW) -> NodeLease:
    """Claim the one node that is due."""
    (lease,) = await claim_nodes(tx, now, 2, DEFAULTS, NO_KEYS)
    return lease


async def lease_domain(tx: Connection, now: datetime = NOW) -> DomainLease:
    """Claim the one domain that is due."""
    (lease,) = await claim_domains(tx, now, 2, DEFAULTS)
    return lease


async def scrape(
    tx: Connection, recorder: Recorder, outcome: NodeFacts | Failure, at: datetime = NOW
) -> Recorded:
    """Make the one node due, claim it and record an outcome for it, all at one moment."""
    await tx.execute(text("UPDATE schedule SET next_due_at = :at"), {"at": at})
    lease = await lease_node(tx, at)
    recorded = await recorder.record_nodes(tx, [NodeResult(lease, outcome, at)])
    recorder.committed()
    return recorded


async def look(
    tx: Connection, *endpoints: EndpointOutcome, failure: Failure | None = None, at: datetime = NOW
) -> Recorded:
    """Make the one domain due, claim it and record what its addresses showed, or a failure."""
    await tx.execute(text("UPDATE schedule SET next_due_at = :at"), {"at": at})
    outcome = failure or DomainFacts(endpoints)
    return await Recorder().record_domains(
        tx, [DomainResult(await lease_domain(tx, at), outcome, at)]
    )
