"""Certificates that were uploaded: kept under a name with their chain, replaced by the renewed one, audited."""

from __future__ import annotations

import asyncio

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from registry.audit import Actor
from registry.errors import Invalid, NotFound
from registry.facts.domains import CertificateSource
from registry.history import get_certificate
from registry.known_certificates import (
    Uploaded,
    delete_upload,
    list_known,
    upload_certificate,
)
from registry.session import Connection, Engine
from tests.parts.tls import Authority, Identity
from tests.registry.targets import NOW, fetch, later, value

ANNA = Actor("anna", "192.0.2.7")
AUTHORITY = Authority.create().intermediate()


def fresh() -> Identity:
    return AUTHORITY.issue(["www.example.org"])


def pem(identity: Identity) -> str:
    sent = (identity.certificate, *identity.sent)
    return "".join(one.public_bytes(Encoding.PEM).decode() for one in sent)


async def upload(
    tx: Connection, identity: Identity, name: str = "www.example.org", at: float = 0
) -> Uploaded:
    return await upload_certificate(tx, name, pem(identity), actor=ANNA, now=later(at))


async def test_an_upload_is_known_with_what_stands_behind_it(tx: Connection) -> None:
    identity = fresh()
    made = await upload(tx, identity)
    assert made.is_new
    (known,) = (await list_known(tx, limit=9)).items
    assert known == made.known
    assert (known.source, known.host, known.place) == ("upload", "", "www.example.org")
    assert (known.fingerprint, known.sans) == (identity.fingerprint, ("www.example.org",))
    row = await get_certificate(tx, identity.fingerprint)
    assert (row.facts.der, *row.issuers) == identity.chain


async def test_the_renewed_one_takes_its_place(tx: Connection) -> None:
    old, new = fresh(), fresh()
    await upload(tx, old)
    made = await upload(tx, new, at=5)
    assert (made.is_new, made.known.fingerprint) == (False, new.fingerprint)
    assert made.known.first_seen_at == later(5)
    assert await value(tx, "SELECT count(*) FROM known_certificates") == 1
    assert (await get_certificate(tx, old.fingerprint)).known == ()


async def test_the_same_one_again_leaves_no_trace(tx: Connection) -> None:
    identity = fresh()
    first = await upload(tx, identity)
    again = await upload(tx, identity, at=5)
    assert (again.known, again.is_new) == (first.known, False)
    assert await value(tx, "SELECT count(*) FROM audit_logs") == 1


async def test_two_that_upload_at_once_come_one_after_the_other(engine: Engine) -> None:
    async def one(identity: Identity) -> Uploaded:
        async with engine.begin() as tx:
            return await upload(tx, identity)

    done = await asyncio.gather(*(one(fresh()) for _ in range(4)))
    assert sorted(uploaded.is_new for uploaded in done) == [False, False, False, True]
    async with engine.begin() as tx:
        actions = [row[0] for row in await fetch(tx, "SELECT action FROM audit_logs ORDER BY id")]
    assert actions == ["certificate.create", *["certificate.update"] * 3]


async def test_a_certificate_tells_where_it_is_known(tx: Connection) -> None:
    identity = fresh()
    await upload(tx, identity, "b")
    await upload(tx, identity, "a")
    row = await get_certificate(tx, identity.fingerprint)
    assert [(place.source, place.place) for place in row.known] == [
        ("upload", "a"),
        ("upload", "b"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must be certificates as PEM"),
        ("no PEM", "must be certificates as PEM"),
        (fresh().pem().decode(), "must hold certificates only, and no private key"),
    ],
)
async def test_what_is_no_certificate_is_refused(tx: Connection, text: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        await upload_certificate(tx, "www", text, actor=ANNA, now=NOW)
    assert (await list_known(tx, limit=9)).items == []


async def test_the_list_goes_page_by_page_and_by_source(tx: Connection) -> None:
    identity = fresh()
    for name in ("a", "b", "c"):
        await upload(tx, identity, name)
    first = await list_known(tx, limit=2)
    rest = await list_known(tx, limit=2, cursor=first.next)
    assert [one.place for one in (*first.items, *rest.items)] == ["a", "b", "c"]
    assert rest.next is None
    files = await list_known(tx, limit=9, source=CertificateSource.FILE)
    assert files.items == []


async def test_each_change_is_audited(tx: Connection) -> None:
    old, new = fresh(), fresh()
    await upload(tx, old)
    await upload(tx, new)
    await delete_upload(tx, "www.example.org", ANNA, NOW)
    entries = await fetch(
        tx,
        "SELECT action, target, before ->> 'fingerprint', after ->> 'fingerprint'"
        " FROM audit_logs ORDER BY id",
    )
    target = "certificate/www.example.org"
    assert entries == [
        ("certificate.create", target, None, old.fingerprint),
        ("certificate.update", target, old.fingerprint, new.fingerprint),
        ("certificate.delete", target, new.fingerprint, None),
    ]


async def test_an_upload_that_is_none_is_not_found(tx: Connection) -> None:
    with pytest.raises(NotFound, match="no uploaded certificate www"):
        await delete_upload(tx, "www", ANNA, NOW)
