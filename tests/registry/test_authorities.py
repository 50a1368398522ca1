"""Authorities: only a root that holds is trusted, for one domain or for all, and every change is audited."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from registry.audit import Actor
from registry.authorities import (
    Authority,
    create_authority,
    delete_authority,
    get_authority,
    list_authorities,
)
from registry.domains import delete_domain
from registry.endpoints import Look, write_looks
from registry.errors import Conflict, Invalid, NotFound
from registry.facts.domains import DomainFacts, Fault, Verdict
from registry.session import Connection
from tests.parts import tls
from tests.registry.targets import NOW, add_domain, endpoint, fetch, later, lease_domain, value

ANNA = Actor("anna", "192.0.2.7")
ROOT = tls.Authority.create("Corp Root")
BELOW = ROOT.intermediate("Corp Issuing")


def pem(*authorities: tls.Authority) -> str:
    return "".join(one.certificate.public_bytes(Encoding.PEM).decode() for one in authorities)


async def trust(
    tx: Connection,
    name: str = "corp",
    text: str = pem(ROOT),
    domain_id: int | None = None,
    at: datetime | None = None,
) -> Authority:
    now = at or datetime.now(UTC)
    return await create_authority(tx, name, text, domain_id, actor=ANNA, now=now)


async def test_a_root_is_kept_with_what_it_says(tx: Connection) -> None:
    made = await trust(tx)
    assert (await list_authorities(tx), await get_authority(tx, "corp")) == ([made], made)
    assert made.der == ROOT.certificate.public_bytes(Encoding.DER)
    assert (made.facts.subject, made.facts.key_type) == ("CN=Corp Root", "ECDSA")
    assert made.facts.not_after == ROOT.certificate.not_valid_after_utc
    assert (made.domain_id, made.domain) == (None, None)


async def test_one_for_a_domain_goes_with_it(tx: Connection) -> None:
    domain_id = await add_domain(tx, "intranet.example.org")
    made = await trust(tx, domain_id=domain_id)
    assert (made.domain_id, made.domain) == (domain_id, "intranet.example.org")
    await delete_domain(tx, domain_id, ANNA, NOW)
    assert await list_authorities(tx) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must be certificates as PEM"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "must be certificates"),
        (pem(ROOT, BELOW), "must be one certificate, the root alone; these are 2"),
        (pem(BELOW), "must be a root; this one was issued by CN=Corp Root"),
        (tls.self_signed(["a.test"]).pem().decode(), "no private key"),
        (
            tls.self_signed(["a.test"]).certificate.public_bytes(Encoding.PEM).decode(),
            "CA:TRUE",
        ),
    ],
)
async def test_what_no_chain_can_end_at_is_refused(tx: Connection, text: str, words: str) -> None:
    with pytest.raises(Invalid, match="pem") as refusal:
        await trust(tx, text=text)
    assert words in str(refusal.value)
    assert await list_authorities(tx) == []


async def test_one_that_has_ended_is_refused(tx: Connection) -> None:
    with pytest.raises(Invalid, match="must hold still; it ended"):
        await trust(tx, at=datetime.now(UTC) + timedelta(days=9000))


async def test_a_name_is_taken_once(tx: Connection) -> None:
    await trust(tx)
    with pytest.raises(Conflict, match="another authority"):
        await trust(tx)


async def test_a_domain_that_is_none_is_named(tx: Connection) -> None:
    with pytest.raises(Invalid, match="domain_id must be the number of a domain, not 7"):
        await trust(tx, domain_id=7)


async def test_its_domain_is_asked_at_once(tx: Connection) -> None:
    domain_id = await add_domain(tx, due_at=later(3600))
    other = await add_domain(tx, "other.example.org", due_at=later(3600))
    await trust(tx, domain_id=domain_id, at=later(1))
    assert await due(tx) == {domain_id: later(1), other: later(3600)}
    await delete_authority(tx, "corp", ANNA, later(2))
    assert await due(tx) == {domain_id: later(2), other: later(3600)}


async def test_one_for_all_has_only_those_asked_at_once_that_nobody_vouched_for(
    tx: Connection,
) -> None:
    doubted, good = await add_domain(tx), await add_domain(tx, "good.example.org")
    fault = Fault(Verdict.UNKNOWN_AUTHORITY, "issued by nobody we know", 20)
    await show(tx, doubted, Fault(Verdict.EXPIRED, "ended yesterday", 10), fault)
    await show(tx, good)
    await tx.exec_driver_sql("UPDATE schedule SET next_due_at = 'infinity'")
    await trust(tx, at=later(9))
    assert [row[0] for row in await fetch(tx, SOON)] == [doubted]


async def test_an_answer_under_way_was_judged_without_it(tx: Connection) -> None:
    domain_id = await add_domain(tx)
    await lease_domain(tx)
    await trust(tx, domain_id=domain_id, at=later(1))
    assert await value(tx, "SELECT lease_token FROM schedule") is None


async def test_each_change_is_audited(tx: Connection) -> None:
    domain_id = await add_domain(tx)
    await trust(tx, domain_id=domain_id)
    await delete_authority(tx, "corp", ANNA, NOW)
    entries = await fetch(
        tx,
        "SELECT action, target, before ->> 'subject', after ->> 'subject',"
        " coalesce(before, after) ->> 'domain' FROM audit_logs ORDER BY id",
    )
    assert entries == [
        ("authority.create", "authority/corp", None, "CN=Corp Root", "example.org"),
        ("authority.delete", "authority/corp", "CN=Corp Root", None, "example.org"),
    ]


async def test_an_unknown_one_is_not_found(tx: Connection) -> None:
    with pytest.raises(NotFound, match="no authority corp"):
        await delete_authority(tx, "corp", ANNA, NOW)


SOON = "SELECT domain_id FROM schedule WHERE next_due_at < 'infinity'"


async def due(tx: Connection) -> dict[object, object]:
    return dict(await fetch(tx, "SELECT domain_id, next_due_at FROM schedule"))  # type: ignore[arg-type]


async def show(tx: Connection, domain_id: int, *faults: Fault) -> None:
    """Let a domain's one address be seen with these faults."""
    seen = endpoint()
    assert seen.facts is not None
    seen = replace(seen, facts=replace(seen.facts, faults=faults))
    await write_looks(tx, [Look(domain_id, NOW, DomainFacts((seen,)))])
