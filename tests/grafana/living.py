"""An installation with a history: registered through the API, seen through recorded observations."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

import httpx
from sqlalchemy import text

from api.app import make_app
from registry.audit import Actor
from registry.facts.containers import ContainerState, Health
from registry.facts.domains import (
    CertificateFacts,
    DomainFacts,
    EndpointFacts,
    EndpointOutcome,
    Fault,
    Verdict,
)
from registry.facts.nodes import NodeFacts, SwarmRole
from registry.facts.outcomes import Failure, FailureReason
from registry.observations import DomainResult, NodeResult, Recorder
from registry.schedule import claim_domains, claim_nodes
from registry.session import Connection, Engine, database_now, make_engine
from registry.settings import read_settings
from registry.tokens import Role, create_token
from tests.parts.grafana import Range
from tests.registry.targets import (
    DEFAULTS,
    ENGINE,
    NO_KEYS,
    add_domain,
    container,
    die,
    fetch,
    node_facts,
)

# Engines are strangers: nothing keeps one from naming a container so.
STRANGE = """it's "so" $$ \\ (1|2) ${node}"""
Outcome = DomainFacts | Failure
_DAY = timedelta(days=1)
_MANAGER = replace(
    ENGINE, swarm_role=SwarmRole.MANAGER, warnings=("WARNING: No swap limit support",)
)


@dataclass(frozen=True, slots=True)
class Living:
    """What a test may ask of the installation."""

    began: datetime
    secrets: tuple[str, ...]

    @property
    def span(self) -> Range:
        return Range(self.began - 30 * _DAY, self.began + timedelta(hours=2, minutes=1))


def make_living(database_url: str) -> Living:
    """Fill an empty database."""
    return asyncio.run(_fill(database_url))


async def _fill(database_url: str) -> Living:
    engine = make_engine(database_url, program="test")
    try:
        secrets = await _register(engine)
        async with engine.connect() as connection:
            began = await database_now(connection)
        await _observe(engine, began)
        return Living(began, secrets)
    finally:
        await engine.dispose()


# ---------------------------------------------------------------------------- through the API


async def _register(engine: Engine) -> tuple[str, ...]:
    """Register, change, delete and be refused; return every secret that was about."""
    async with engine.begin() as tx:
        now = await database_now(tx)
        _, admin = await create_token(tx, "admin", Role.ADMIN, Actor("test"), now)
    app = httpx.ASGITransport(make_app(engine, read_settings({})))
    async with httpx.AsyncClient(transport=app, base_url="http://vsa.test") as api:
        api.headers["Authorization"] = f"Bearer {admin}"
        for name in ("web-1", "web-2", "x-silent", "old"):
            body = {"name": name, "docker_url": f"unix:///run/{name}.sock"}
            await _send(api, "POST", "/api/nodes", body)
        await _send(api, "PATCH", "/api/nodes/web-1", {"labels": {"role": "web", "say": '"hi"'}})
        await _send(api, "DELETE", "/api/nodes/old")
        for name in ("shop.example", "mail.example", "renewed.example", "gone.example"):
            await _send(api, "POST", "/api/domains", {"name": name, "node": "web-1"})
        made = await _send(api, "POST", "/api/tokens", {"name": "reader", "role": "read"})
        reader, wrong = made.json()["token"], "vsa_a-wrong-token"
        for token in (reader, wrong):
            await api.delete("/api/nodes/web-1", headers={"Authorization": f"Bearer {token}"})
        await _send(api, "DELETE", "/api/tokens/reader")
    return admin, reader, wrong


async def _send(
    api: httpx.AsyncClient, method: str, path: str, body: Mapping[str, object] | None = None
) -> httpx.Response:
    answer = await api.request(method, path, json=body)
    return answer.raise_for_status()


# ---------------------------------------------------------------------------- as collectors saw it


async def _observe(engine: Engine, began: datetime) -> None:
    """Look at everything twice, two hours apart: things changed in between."""
    recorder = Recorder()
    for turn in range(2):
        at = began + turn * timedelta(hours=2)
        async with engine.begin() as tx:
            await recorder.record_nodes(tx, await _scrapes(tx, turn, at))
            await recorder.record_domains(tx, await _looks(tx, turn, at))
        recorder.committed()
    async with engine.begin() as tx:
        await add_beside_the_wire(tx, began)


async def add_beside_the_wire(tx: Connection, at: datetime) -> None:
    """Know a certificate from a file, a file that cannot be read, and a change of issuer."""
    await tx.execute(
        text("""
            INSERT INTO known_certificates (source, host, place, fingerprint, failure_detail, first_seen_at, last_seen_at)
            SELECT 'file', 'dash-1', '/live/' || fingerprint || '.pem', fingerprint, NULL, CAST(:at AS timestamptz), CAST(:at AS timestamptz)
            FROM certificates
            UNION ALL SELECT 'file', 'dash-1', '/live/odd.pem', NULL, 'it holds no certificate', CAST(:at AS timestamptz), CAST(:at AS timestamptz)
        """),
        {"at": at},
    )
    await tx.execute(
        text("""
            INSERT INTO certificate_changes (at, domain_id, address, port, change, before, after, detail)
            SELECT CAST(:at AS timestamptz), domain_id, address, port, 'issuer_changed', '', fingerprint, 'from ZeroSSL to R11'
            FROM endpoints WHERE fingerprint IS NOT NULL
        """),
        {"at": at},
    )


async def _scrapes(tx: Connection, turn: int, at: datetime) -> list[NodeResult]:
    leases = await claim_nodes(tx, at, 10, DEFAULTS, NO_KEYS)
    return [NodeResult(lease, _node(lease.question.name, turn, at), at) for lease in leases]


def _node(name: str, turn: int, at: datetime) -> NodeFacts | Failure:
    if name == "x-silent" or (name == "web-2" and turn == 1):
        return Failure(FailureReason.REFUSED, "nothing listens there")
    web = container("web", health=Health.HEALTHY, started_at=at - _DAY)
    odd = container(STRANGE, state=ContainerState.EXITED, exit_code=137, oom_killed=True)
    if turn == 1:
        web = replace(web, health=Health.UNHEALTHY, health_output="no answer", restart_count=3)
    # A new version came: another container of the name, with another image.
    new = container("api", container_id=f"{turn:064}", image_id=f"sha256:{turn}")
    nanoseconds = int(at.timestamp()) * 10**9
    events = [die(nanoseconds + 1), die(nanoseconds + 2, STRANGE, "oom")]
    return node_facts(web, odd, new, events=events, events_lost=turn == 1, engine=_MANAGER)


async def look_at(database_url: str, at: datetime, seen: Mapping[str, Outcome]) -> None:
    """Watch the domains that are not watched yet, and record what was seen of all at one moment."""
    engine = make_engine(database_url, program="test")
    async with engine.begin() as tx:
        known = {str(row[0]) for row in await fetch(tx, "SELECT name FROM domains")}
        for name in sorted(seen.keys() - known):
            await add_domain(tx, name, due_at=at)
        leases = await claim_domains(tx, at, 1000, DEFAULTS)
        results = [DomainResult(lease, seen[lease.question.name], at) for lease in leases]
        await Recorder().record_domains(tx, results)
    await engine.dispose()


async def _looks(tx: Connection, turn: int, at: datetime) -> list[DomainResult]:
    leases = await claim_domains(tx, at, 10, DEFAULTS)
    return [DomainResult(lease, _domain(lease.question.name, turn, at), at) for lease in leases]


def _domain(name: str, turn: int, at: datetime) -> DomainFacts | Failure:
    match name:
        case "gone.example":
            return Failure(FailureReason.DNS, "there's no such name")
        case "shop.example":
            old, new = issued(name, at, -80, 10), issued(name, at, -1, 89)
            silent = EndpointOutcome(
                "192.0.2.3", 443, 10.0, failure=Failure(FailureReason.TIMEOUT, "10 s")
            )
            return DomainFacts((shown(old, "192.0.2.1"), shown(new, "192.0.2.2"), silent))
        case "mail.example":
            weak = replace(issued(name, at, -30, 60), key_type="RSA", key_bits=1024)
            fault = Fault(Verdict.WEAK, "RSA of 1024 bits")
            return DomainFacts((shown(weak, "192.0.2.4", fault, chain_ends=at + 5 * _DAY),))
    return DomainFacts((shown(issued(name, at, -60 + turn * 59, 30 + turn * 59), "2001:db8::1"),))


def issued(name: str, at: datetime, begins: float, ends: float) -> CertificateFacts:
    """Make a certificate for a name, from so many days after `at` until so many."""
    words = f"{name} {begins} {ends}".encode()
    return CertificateFacts(
        fingerprint=sha256(words).hexdigest(),
        der=words,
        subject=f"CN={name}",
        issuer=r"CN=R11,O=Let's \"Encrypt\"\, Inc,C=US",
        serial_number="04d2",
        sans=(name,),
        not_before=at + begins * _DAY,
        not_after=at + ends * _DAY,
        key_type="ECDSA",
        key_bits=256,
        signature_algorithm="ecdsa-with-sha384",
    )


def shown(
    leaf: CertificateFacts, address: str, *faults: Fault, chain_ends: datetime | None = None
) -> EndpointOutcome:
    """Make an address that shows a certificate, with what is wrong with it."""
    verdict = faults[0].verdict if faults else Verdict.OK
    chain_not_after = chain_ends or leaf.not_after
    facts = EndpointFacts(
        leaf, (leaf.der,), verdict, faults, "TLSv1.3", "TLS_AES_128_GCM_SHA256", "", chain_not_after
    )
    return EndpointOutcome(address, 443, 0.1, facts=facts)
