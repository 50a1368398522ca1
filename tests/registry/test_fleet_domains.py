"""What the fleet's page reads of certificates, out of rows as other rooms write them."""

from __future__ import annotations

from sqlalchemy import text

from registry.facts.domains import (
    AddressSource,
    CertificateChange,
    CertificateSource,
    Fault,
    OcspStatus,
    Verdict,
)
from registry.fleet import read_fleet, read_node_numbers
from registry.fleet_domains import CertificateDates, ChangeCount, KnownStatus
from registry.session import Connection
from tests.registry.targets import (
    DEFAULTS,
    NOW,
    add_domain,
    add_node,
    certificate,
    endpoint,
    later,
    look,
)


async def test_an_address_tells_its_faults_its_staple_and_since_when(tx: Connection) -> None:
    await add_domain(tx)
    await look(tx, endpoint())
    await tx.execute(
        text("""
            UPDATE endpoints SET source = 'node', sent_not_after = :at, serving_since = :at, renewals_total = 3,
                faults = '[{"verdict": "weak", "detail": "SHA-1", "x509_code": null}]',
                staple = '{"status": "good", "next_update": "2030-01-01T00:00:00Z"}'
        """),
        {"at": NOW},
    )
    (status,) = (await read_fleet(tx, NOW, DEFAULTS)).endpoints
    assert status.faults == (Fault(Verdict.WEAK, "SHA-1"),)
    assert status.source is AddressSource.NODE
    assert status.staple
    assert status.staple.status is OcspStatus.GOOD
    assert status.staple.next_update
    assert (status.sent_not_after, status.serving_since, status.renewals_total) == (NOW, NOW, 3)


async def test_an_address_that_an_older_program_wrote_has_none_of_it(tx: Connection) -> None:
    await add_domain(tx)
    await look(tx, endpoint())
    await tx.execute(
        text(
            "UPDATE endpoints SET source = NULL, staple = NULL, faults = NULL, renewals_total = NULL"
        )
    )
    (status,) = (await read_fleet(tx, NOW, DEFAULTS)).endpoints
    assert (status.faults, status.source) == ((), AddressSource.RESOLVED)
    assert (status.staple, status.renewals_total) == (None, 0)


async def test_changes_are_counted_by_domain_and_kind(tx: Connection) -> None:
    domain_id = await add_domain(tx)
    change = text("""
        INSERT INTO certificate_changes (at, domain_id, address, port, change, before, after, detail)
        VALUES (:at, :domain_id, '192.0.2.1', 443, :change, 'a', 'b', '')
    """)
    for kind in ("renewed", "renewed", "issuer_changed"):
        await tx.execute(change, {"at": NOW, "domain_id": domain_id, "change": kind})
    assert (await read_fleet(tx, NOW, DEFAULTS)).certificate_changes == (
        ChangeCount(domain_id, CertificateChange.ISSUER_CHANGED, 1),
        ChangeCount(domain_id, CertificateChange.RENEWED, 2),
    )


async def test_files_and_uploads_are_known_readable_or_not(tx: Connection) -> None:
    await add_domain(tx)
    await look(tx, endpoint())
    known = text("""
        INSERT INTO known_certificates
            (source, host, place, fingerprint, failure_detail, first_seen_at, last_seen_at)
        VALUES (:source, :host, :place, :fingerprint, :detail, :at, :at)
    """)
    shown = certificate()
    readable = {"source": "upload", "host": "", "place": "spare", "fingerprint": shown.fingerprint}
    broken = {"source": "file", "host": "dash-1", "place": "/odd.pem", "fingerprint": None}
    await tx.execute(known, {**readable, "detail": None, "at": NOW})
    await tx.execute(known, {**broken, "detail": "not a certificate", "at": NOW})
    assert (await read_fleet(tx, NOW, DEFAULTS)).known == (
        KnownStatus(
            source=CertificateSource.FILE,
            host="dash-1",
            place="/odd.pem",
            failure_detail="not a certificate",
            fingerprint=None,
            subject=None,
            issuer=None,
            serial_number=None,
            not_before=None,
            not_after=None,
        ),
        KnownStatus(
            source=CertificateSource.UPLOAD,
            host="",
            place="spare",
            failure_detail=None,
            fingerprint=shown.fingerprint,
            subject=shown.subject,
            issuer="",
            serial_number="",
            not_before=shown.not_before,
            not_after=shown.not_after,
        ),
    )


async def test_a_node_has_the_certificates_of_both_ends(tx: Connection) -> None:
    await add_domain(tx)
    await look(tx, endpoint())
    node_id = await add_node(tx, "web-1")
    shown = certificate()
    await tx.execute(
        text("UPDATE node_state SET certificate = :fingerprint"),
        {"fingerprint": shown.fingerprint},
    )
    await tx.execute(
        text("""
            WITH made AS (
                INSERT INTO credentials (name, kind, version, sealed, facts, created_at, updated_at)
                VALUES ('a', 'tls', 1, '', CAST(:facts AS jsonb), :at, :at)
                RETURNING id
            )
            UPDATE vps_nodes SET credential_id = made.id FROM made WHERE vps_nodes.id = :node_id
        """),
        {
            "facts": f'{{"subject": "CN=us", "not_after": "{later(60).isoformat()}"}}',
            "at": NOW,
            "node_id": node_id,
        },
    )
    (node,) = (await read_fleet(tx, NOW, DEFAULTS)).nodes
    assert node.certificate == CertificateDates(shown.subject, shown.not_before, shown.not_after)
    assert node.client_certificate == CertificateDates("CN=us", None, later(60))
    page = await read_node_numbers(tx, "web-1", DEFAULTS)
    assert page
    assert page.status.certificate == node.certificate


async def test_a_node_without_tls_has_neither(tx: Connection) -> None:
    await add_node(tx, "web-1")
    (node,) = (await read_fleet(tx, NOW, DEFAULTS)).nodes
    assert (node.certificate, node.client_certificate) == (None, None)
