from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ssl import DER_cert_to_PEM_cert

from sqlalchemy import text

from registry.audit import Actor
from registry.certificate_files import CertificateFile, write_files
from registry.fleet_domains import KnownStatus, list_known
from registry.known_certificates import upload_certificate
from registry.session import Connection
from registry.x509 import read_certificate
from tests.parts.tls import Authority

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
ROOT = Authority.create()


def known(place: str = "/live/a/fullchain.pem", name: str = "a.test") -> CertificateFile:
    chain = ROOT.intermediate().issue([name]).chain
    return CertificateFile(place, read_certificate(chain[0]).facts, chain[1:])


def later(**time: float) -> datetime:
    return AT + timedelta(**time)


async def upload(tx: Connection, name: str) -> None:
    (leaf,) = ROOT.issue(["a.test"]).chain
    pem = DER_cert_to_PEM_cert(leaf)
    await upload_certificate(tx, name, pem, actor=Actor("anna", "192.0.2.7"), now=AT)


async def places(tx: Connection) -> list[str]:
    return [status.place for status in await list_known(tx)]


async def only(tx: Connection) -> KnownStatus:
    (status,) = await list_known(tx)
    return status


async def test_what_lies_in_a_file_is_known_with_its_chain(tx: Connection) -> None:
    one = known()
    await write_files(tx, "web-1", [one], AT)
    status = await only(tx)
    assert one.certificate
    assert (status.host, status.place) == ("web-1", one.path)
    assert (status.fingerprint, status.not_after) == (
        one.certificate.fingerprint,
        one.certificate.not_after,
    )
    issuers = (await tx.execute(text("SELECT issuers FROM certificates"))).scalar_one()
    assert tuple(issuers) == one.issuers


async def test_a_file_that_cannot_be_read_is_known_by_why(tx: Connection) -> None:
    await write_files(tx, "web-1", [known()], AT)
    why = "Permission\x00 denied"
    await write_files(tx, "web-1", [CertificateFile(known().path, failure_detail=why)], later())
    status = await only(tx)
    assert (status.fingerprint, status.failure_detail) == (None, "Permission denied")
    await write_files(tx, "web-1", [known()], later(minutes=1))
    assert (await only(tx)).failure_detail is None


async def test_files_that_are_gone_are_forgotten_and_other_hosts_and_uploads_are_not(
    tx: Connection,
) -> None:
    await upload(tx, "by hand")
    await write_files(tx, "web-1", [known("/a.pem"), known("/b.pem")], AT)
    await write_files(tx, "web-2", [known("/a.pem")], AT)
    await write_files(tx, "web-1", [known("/b.pem")], later(minutes=1))
    assert await places(tx) == ["/b.pem", "/a.pem", "by hand"]
    await write_files(tx, "web-1", [], later(minutes=2))
    assert await places(tx) == ["/a.pem", "by hand"]


async def test_a_host_whose_collector_is_gone_for_a_day_is_forgotten(tx: Connection) -> None:
    await write_files(tx, "web-1", [known("/a.pem")], AT)
    await write_files(tx, "web-2", [known("/b.pem")], later(hours=23))
    assert await places(tx) == ["/a.pem", "/b.pem"]
    await write_files(tx, "web-2", [known("/b.pem")], later(hours=25))
    assert await places(tx) == ["/b.pem"]


async def test_since_when_a_certificate_lies_there_is_kept(tx: Connection) -> None:
    first, second = known(), known()
    for one, at in ((first, AT), (first, later(days=1)), (second, later(days=2))):
        await write_files(tx, "web-1", [one], at)
    row = (
        await tx.execute(text("SELECT first_seen_at, last_seen_at FROM known_certificates"))
    ).one()
    assert tuple(row) == (later(days=2), later(days=2))


async def test_a_leaf_alone_does_not_hide_the_chain_that_came_with_it_before(
    tx: Connection,
) -> None:
    whole = known()
    await write_files(tx, "web-1", [whole], AT)
    await write_files(tx, "web-1", [CertificateFile("/cert.pem", whole.certificate)], later())
    issuers = (await tx.execute(text("SELECT issuers FROM certificates"))).scalar_one()
    assert tuple(issuers) == whole.issuers


async def test_nothing_at_all_is_no_fault(tx: Connection) -> None:
    await write_files(tx, "web-1", [], AT)
    assert await places(tx) == []
