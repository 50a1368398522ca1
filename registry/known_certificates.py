"""Certificates that are known beside the wire: files on a collector's host, and uploads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert

from registry.audit import Actor, append
from registry.certificates import SeenCertificate, write_certificates
from registry.errors import NotFound
from registry.facts.domains import CertificateSource
from registry.models import certificates, known_certificates
from registry.paging import Page, decode_cursor, encode_cursor
from registry.pem import read_chain, refused
from registry.session import Connection
from registry.stored import decode
from registry.x509 import read_certificate


@dataclass(frozen=True, slots=True)
class KnownCertificate:
    """A file or an upload, and its certificate; `failure_detail` says why there is none.

    `host` is that of the collector that reads the file, empty for an upload; `place` is the path of
    the file or the name of the upload.
    """

    source: CertificateSource
    host: str
    place: str
    failure_detail: str | None
    first_seen_at: datetime
    last_seen_at: datetime
    fingerprint: str | None
    subject: str | None
    sans: tuple[str, ...] | None
    not_before: datetime | None
    not_after: datetime | None


@dataclass(frozen=True, slots=True)
class Uploaded:
    """An upload as it is now; `is_new` where none had its name before."""

    known: KnownCertificate
    is_new: bool


_KEY = (known_certificates.c.source, known_certificates.c.host, known_certificates.c.place)


# ---------------------------------------------------------------------------- changing


async def upload_certificate(
    tx: Connection, name: str, pem: str, *, actor: Actor, now: datetime
) -> Uploaded:
    """Keep a certificate under a name, with what stands behind it; a renewed one takes the old one's place.

    The same one again changes nothing and leaves no trace. Raises Invalid for what cannot be read.
    """
    seen = _read(pem, now)
    await write_certificates(tx, [seen])
    place = {"source": CertificateSource.UPLOAD, "host": "", "place": name}
    values = {"fingerprint": seen.facts.fingerprint, "first_seen_at": now, "last_seen_at": now}
    made = upsert(known_certificates).values(**place, **values)
    # Tried first, it holds the name until the commit: two that upload at once come one after the other.
    taken = made.on_conflict_do_nothing(index_elements=[*place])
    was_made = await tx.execute(taken.returning(known_certificates.c.id))
    before = await _find_upload(tx, name) if was_made.one_or_none() is None else None
    if before is not None and before.fingerprint == seen.facts.fingerprint:
        return Uploaded(before, is_new=False)
    await tx.execute(made.on_conflict_do_update(index_elements=[*place], set_=values))
    after = await _find_upload(tx, name)
    assert after is not None
    await _audit(tx, actor, name, now, before=before, after=after)
    return Uploaded(after, is_new=before is None)


async def delete_upload(tx: Connection, name: str, actor: Actor, now: datetime) -> None:
    """Forget an upload; its certificate stays as long as anything tells of it. Raises NotFound."""
    before = await _find_upload(tx, name)
    if before is None:
        raise NotFound("uploaded certificate", name)
    await tx.execute(delete(known_certificates).where(*_is_upload(name)))
    await _audit(tx, actor, name, now, before=before, after=None)


def _read(pem: str, now: datetime) -> SeenCertificate:
    leaf, *issuers = read_chain("pem", pem)
    facts = read_certificate(leaf).facts
    if facts.parse_error:
        raise refused("pem", f"cannot be read: {facts.parse_error}")
    return SeenCertificate(facts, now, tuple(issuers))


async def _audit(
    tx: Connection,
    actor: Actor,
    name: str,
    now: datetime,
    *,
    before: KnownCertificate | None,
    after: KnownCertificate | None,
) -> None:
    done = "create" if before is None else "delete" if after is None else "update"
    await append(
        tx,
        actor,
        action=f"certificate.{done}",
        target=f"certificate/{name}",
        before=_audited(before),
        after=_audited(after),
        now=now,
    )


def _audited(known: KnownCertificate | None) -> dict[str, object] | None:
    if known is None:
        return None
    shown = ("fingerprint", "subject", "not_before", "not_after")
    said: dict[str, object] = msgspec.to_builtins({name: getattr(known, name) for name in shown})
    return {"name": known.place, **said}


# ---------------------------------------------------------------------------- reading


async def list_known(
    tx: Connection,
    *,
    limit: int,
    cursor: str | None = None,
    source: CertificateSource | None = None,
) -> Page[KnownCertificate]:
    """List files and uploads by source, host and place. Raises Invalid for a cursor that is none."""
    query = _select().order_by(*_KEY).limit(limit + 1)
    if source is not None:
        query = query.where(known_certificates.c.source == source)
    if cursor is not None:
        query = query.where(tuple_(*_KEY) > decode_cursor(cursor, str, str, str))
    found = [decode(row, KnownCertificate) for row in await tx.execute(query)]
    if len(found) <= limit:
        return Page(found, None)
    last = found[limit - 1]
    return Page(found[:limit], encode_cursor(last.source, last.host, last.place))


async def _find_upload(tx: Connection, name: str) -> KnownCertificate | None:
    """Return an upload that nobody changes until the commit."""
    query = _select().where(*_is_upload(name)).with_for_update(of=known_certificates)
    row = (await tx.execute(query)).one_or_none()
    return row and decode(row, KnownCertificate)


def _is_upload(name: str) -> tuple[Any, ...]:
    upload = known_certificates.c
    return upload.source == CertificateSource.UPLOAD, upload.place == name


def _select() -> Select[Any]:
    known, certificate = known_certificates.c, certificates.c
    return select(
        *_KEY,
        *(known.failure_detail, known.first_seen_at, known.last_seen_at, known.fingerprint),
        *(certificate.subject, certificate.sans, certificate.not_before, certificate.not_after),
    ).outerjoin_from(known_certificates, certificates)
