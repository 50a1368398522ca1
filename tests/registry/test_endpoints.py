from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select, text

from registry.audit import Actor
from registry.domain_history import list_certificate_changes, list_served
from registry.domains import update_domain
from registry.endpoints import Look, write_looks
from registry.facts.domains import (
    CertificateChange,
    CertificateFacts,
    DomainFacts,
    EndpointOutcome,
    Fault,
    Verdict,
)
from registry.models import certificates
from registry.session import Connection
from registry.stored import decode
from tests.registry.targets import (
    NOW,
    REFUSED,
    add_domain,
    certificate,
    endpoint,
    fetch,
    later,
    refused,
    value,
)


async def see(tx: Connection, domain_id: int, *endpoints: EndpointOutcome, at: float = 0) -> None:
    await write_looks(tx, [Look(domain_id, later(at), DomainFacts(endpoints))])


# ---------------------------------------------------------------------------- judging a look


def test_a_domain_is_well_when_one_address_gave_facts() -> None:
    assert (
        Look(1, NOW, DomainFacts((refused("192.0.2.1"), endpoint("192.0.2.2")))).failure() is None
    )


def test_a_domain_fails_as_its_first_address_does() -> None:
    assert (
        Look(1, NOW, DomainFacts((refused("192.0.2.1"), refused("192.0.2.2")))).failure() == REFUSED
    )


# ---------------------------------------------------------------------------- endpoints


async def test_an_endpoint_holds_what_the_handshake_showed(tx: Connection) -> None:
    domain_id = await add_domain(tx)
    shown = endpoint("2001:db8::1")
    assert shown.facts is not None
    fault = Fault(Verdict.EXPIRED, "ended yesterday", 10)
    facts = replace(
        shown.facts, verdict=Verdict.EXPIRED, faults=(fault,), alpn="h2", chain_not_after=later(9)
    )
    await see(tx, domain_id, replace(shown, facts=facts))
    rows = await fetch(
        tx,
        "SELECT address, port, seconds, fingerprint, chain, verdict, faults, tls_version, cipher, alpn,"
        " chain_not_after, failure_reason FROM endpoints",
    )
    faults = [{"verdict": "expired", "detail": "ended yesterday", "x509_code": 10}]
    assert rows == [
        (
            *("2001:db8::1", 443, 0.1, facts.certificate.fingerprint, list(facts.chain), "expired"),
            *(faults, "TLSv1.3", "TLS_AES_128_GCM_SHA256", "h2", later(9), None),
        )
    ]


async def test_what_an_endpoint_showed_is_kept_when_it_fails_later(tx: Connection) -> None:
    domain_id = await add_domain(tx)
    await see(tx, domain_id, endpoint())
    await see(tx, domain_id, refused(), at=60)
    rows = await fetch(
        tx,
        "SELECT first_seen_at, last_attempt_at, last_success_at, failure_reason, seconds, fingerprint,"
        " verdict, cardinality(chain) FROM endpoints",
    )
    assert rows == [(NOW, later(60), NOW, "refused", 0.2, certificate().fingerprint, "ok", 2)]


async def test_a_later_success_replaces_all_that_was_shown(tx: Connection) -> None:
    domain_id = await add_domain(tx)
    first, renewed = endpoint(), endpoint(shown=certificate("renewed"))
    assert first.facts is not None
    await see(tx, domain_id, replace(first, facts=replace(first.facts, chain_not_after=later(9))))
    await see(tx, domain_id, refused(), at=60)
    await see(tx, domain_id, renewed, at=120)
    rows = await fetch(
        tx,
        "SELECT first_seen_at, last_success_at, failure_reason, failure_detail, fingerprint,"
        " chain_not_after FROM endpoints",
    )
    assert rows == [(NOW, later(120), None, None, certificate("renewed").fingerprint, None)]


async def test_an_address_that_is_no_longer_resolved_is_removed(tx: Connection) -> None:
    domain_id, other = await add_domain(tx), await add_domain(tx, "other.example")
    await see(tx, other, endpoint("192.0.2.9"))
    await see(tx, domain_id, endpoint("192.0.2.1"), endpoint("192.0.2.2"), refused("192.0.2.3"))
    await see(tx, domain_id, refused("192.0.2.2"), at=60)
    rows = await fetch(tx, "SELECT domain_id, address FROM endpoints ORDER BY 1")
    assert rows == [(domain_id, "192.0.2.2"), (other, "192.0.2.9")]


async def test_an_address_given_twice_is_one_endpoint(tx: Connection) -> None:
    await see(tx, await add_domain(tx), endpoint(), endpoint(), refused("192.0.2.2"))
    assert await value(tx, "SELECT count(*) FROM endpoints") == 2


async def test_a_domain_of_failures_alone_is_recorded(tx: Connection) -> None:
    await see(tx, await add_domain(tx), refused())
    rows = await fetch(
        tx, "SELECT failure_reason, fingerprint, verdict, last_success_at FROM endpoints"
    )
    assert rows == [("refused", None, None, None)]


# ---------------------------------------------------------------------------- certificates


async def test_a_certificate_is_one_row_that_remembers_when_it_was_seen(tx: Connection) -> None:
    first, second = await add_domain(tx), await add_domain(tx, "www.example.org")
    both = [Look(domain_id, NOW, DomainFacts((endpoint(),))) for domain_id in (first, second)]
    await write_looks(tx, both)
    await see(tx, second, endpoint(), at=60)
    rows = await fetch(tx, "SELECT fingerprint, first_seen_at, last_seen_at FROM certificates")
    assert rows == [(certificate().fingerprint, NOW, later(60))]


async def test_a_certificate_is_stored_whole(tx: Connection) -> None:
    facts = replace(
        certificate(),
        der=bytes(range(256)),
        issuer="CN=Test CA",
        serial_number="00ff",
        sans=("example.org", 'quo"ted, \\{braced}'),
        key_type="RSA",
        key_bits=2048,
        signature_algorithm="sha256WithRSAEncryption",
    )
    await see(tx, await add_domain(tx), endpoint(shown=facts))
    row = (await tx.execute(select(certificates))).one()
    assert decode(row, CertificateFacts) == facts


async def test_a_certificate_that_cannot_be_parsed_is_stored(tx: Connection) -> None:
    broken = CertificateFacts("ab", b"\x30\x00", parse_error="not a certificate")
    await see(tx, await add_domain(tx), endpoint(shown=broken))
    rows = await fetch(
        tx, "SELECT fingerprint, der, not_after, sans, parse_error FROM certificates"
    )
    assert rows == [("ab", b"\x30\x00", None, [], "not a certificate")]


async def test_a_certificate_that_was_replaced_is_still_known(tx: Connection) -> None:
    domain_id = await add_domain(tx)
    await see(tx, domain_id, endpoint(shown=certificate("old")))
    await see(tx, domain_id, endpoint(shown=certificate("new")), at=60)
    assert await value(tx, "SELECT count(*) FROM certificates") == 2


# ---------------------------------------------------------------------------- who serves what from when until when

SERVED = (
    "SELECT address, fingerprint, seen_from, CASE WHEN isfinite(seen_until) THEN seen_until END, last_seen_at"
    " FROM served_certificates ORDER BY address, seen_from"
)
FIRST = certificate("first")
SECOND = replace(certificate("second"), sans=FIRST.sans)


def newer(after: CertificateFacts, days: float) -> CertificateFacts:
    """The same that begins and ends some days later."""
    assert after.not_after
    return replace(
        after, not_before=later(days * 86400), not_after=after.not_after + timedelta(days)
    )


async def test_who_served_what_is_kept_from_when_until_when(tx: Connection) -> None:
    domain_id = await add_domain(tx)
    await see(tx, domain_id, endpoint(shown=FIRST))
    await see(tx, domain_id, endpoint(shown=FIRST), at=60)
    await see(tx, domain_id, endpoint(shown=newer(SECOND, 60)), at=120)
    old, new = FIRST.fingerprint, SECOND.fingerprint
    assert await fetch(tx, SERVED) == [
        ("192.0.2.1", old, NOW, later(120), later(60)),
        ("192.0.2.1", new, later(120), None, None),
    ]
    rows = await fetch(tx, "SELECT serving_since, renewals_total FROM endpoints")
    assert rows == [(later(120), 1)]


async def test_a_change_tells_what_is_new_about_the_certificate(tx: Connection) -> None:
    domain_id = await add_domain(tx)
    await see(tx, domain_id, endpoint(shown=FIRST), endpoint("192.0.2.2", FIRST))
    after = replace(newer(SECOND, 60), sans=("other",), issuer="O=Other")
    await see(tx, domain_id, endpoint(shown=after), endpoint("192.0.2.2", FIRST), at=60)
    told = await fetch(
        tx, "SELECT address, change, before, after, at FROM certificate_changes ORDER BY change"
    )
    both = (FIRST.fingerprint, SECOND.fingerprint, later(60))
    assert told == [
        ("192.0.2.1", "issuer_changed", *both),
        ("192.0.2.1", "names_lost", *both),
        ("192.0.2.1", "renewed", *both),
    ]


async def test_an_old_certificate_that_comes_back_is_no_renewal(tx: Connection) -> None:
    domain_id = await add_domain(tx)
    for number, shown in enumerate((newer(SECOND, 60), FIRST, newer(SECOND, 60))):
        await see(tx, domain_id, endpoint(shown=shown), at=60 * number)
    assert await fetch(tx, "SELECT change FROM certificate_changes ORDER BY at") == [
        ("rolled_back",),
        ("renewed",),
    ]
    assert await value(tx, "SELECT renewals_total FROM endpoints") == 1
    assert len(await fetch(tx, SERVED)) == 3


async def test_an_address_that_went_ends_what_it_served(tx: Connection) -> None:
    domain_id = await add_domain(tx)
    await see(tx, domain_id, endpoint(shown=FIRST))
    await see(tx, domain_id, endpoint("192.0.2.2", FIRST), at=60)
    rows = [(row[0], row[3], row[4]) for row in await fetch(tx, SERVED)]
    assert rows == [("192.0.2.1", later(60), NOW), ("192.0.2.2", None, None)]
    assert await fetch(tx, "SELECT change FROM certificate_changes") == []


async def test_an_address_that_fails_goes_on_serving(tx: Connection) -> None:
    domain_id = await add_domain(tx)
    await see(tx, domain_id, endpoint(shown=FIRST))
    await see(tx, domain_id, refused(), at=60)
    await see(tx, domain_id, endpoint(shown=FIRST), at=120)
    assert len(await fetch(tx, SERVED)) == 1
    assert await value(tx, "SELECT serving_since FROM endpoints") == NOW


async def test_an_endpoint_of_an_earlier_release_begins_to_serve_at_the_next_look(
    tx: Connection,
) -> None:
    domain_id = await add_domain(tx)
    await see(tx, domain_id, endpoint(shown=FIRST))
    await tx.execute(text("DELETE FROM served_certificates"))
    await tx.execute(text("UPDATE endpoints SET serving_since = NULL, renewals_total = NULL"))
    await see(tx, domain_id, endpoint(shown=FIRST), at=60)
    assert [row[2] for row in await fetch(tx, SERVED)] == [later(60)]
    rows = await fetch(tx, "SELECT serving_since, renewals_total FROM endpoints")
    assert rows == [(later(60), 0)]


# ---------------------------------------------------------------------------- for people to read


async def test_what_a_domain_served_is_listed_in_pages_what_began_last_first(
    tx: Connection,
) -> None:
    domain_id = await add_domain(tx)
    for number, shown in enumerate((FIRST, newer(SECOND, 60), FIRST)):
        await see(tx, domain_id, endpoint(shown=shown), at=60 * number)
    first = await list_served(tx, domain_id, limit=2)
    second = await list_served(tx, domain_id, limit=2, cursor=first.next)
    rows = [*first.items, *second.items]
    assert [(row.fingerprint, row.seen_from, row.seen_until, row.last_seen_at) for row in rows] == [
        (FIRST.fingerprint, later(120), None, later(120)),
        (SECOND.fingerprint, later(60), later(120), later(60)),
        (FIRST.fingerprint, NOW, later(60), NOW),
    ]
    assert second.next is None


async def test_what_changed_is_listed_in_pages_the_newest_first(tx: Connection) -> None:
    domain_id = await add_domain(tx)
    for number, shown in enumerate((FIRST, newer(SECOND, 60), FIRST)):
        await see(tx, domain_id, endpoint(shown=shown), at=60 * number)
    first = await list_certificate_changes(tx, domain_id, limit=1)
    second = await list_certificate_changes(tx, domain_id, limit=1, cursor=first.next)
    told = [(row.change, row.before, row.at) for row in (*first.items, *second.items)]
    assert told == [
        (CertificateChange.ROLLED_BACK, SECOND.fingerprint, later(120)),
        (CertificateChange.RENEWED, FIRST.fingerprint, later(60)),
    ]


async def test_under_another_port_it_serves_nothing_of_what_it_did(tx: Connection) -> None:
    domain_id = await add_domain(tx)
    await see(tx, domain_id, endpoint(shown=FIRST))
    await update_domain(tx, domain_id, {"port": 8443}, Actor("test"), later(60))
    (row,) = (await list_served(tx, domain_id, limit=9)).items
    assert row.seen_until == later(60)
