"""A domain's past: which address served which certificate from when until when, and what changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from registry.facts.domains import CertificateChange
from registry.paging import Page, decode_cursor, encode_cursor
from registry.session import Connection
from registry.stored import decode


@dataclass(frozen=True, slots=True)
class ServedRow:
    """A certificate that an address showed; `seen_until` None: it still does.

    `last_seen_at` is the last look that saw it: what came after it was seen at `seen_until` only.
    """

    address: str
    port: int
    fingerprint: str
    subject: str
    issuer: str
    not_before: datetime | None
    not_after: datetime | None
    seen_from: datetime
    seen_until: datetime | None
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class CertificateChangeRow:
    """One thing that was new about the certificate of an address; both fingerprints are SHA-256."""

    id: int
    at: datetime
    address: str
    port: int
    change: CertificateChange
    before: str
    after: str
    detail: str


_SERVED = text("""
    SELECT s.address, s.port, s.fingerprint, c.subject, c.issuer, c.not_before, c.not_after,
           s.seen_from, nullif(s.seen_until, 'infinity') AS seen_until,
           coalesce(s.last_seen_at, e.last_success_at) AS last_seen_at
    FROM served_certificates s
    JOIN certificates c ON c.fingerprint = s.fingerprint
    LEFT JOIN endpoints e ON e.domain_id = s.domain_id AND e.address = s.address AND e.port = s.port
    WHERE s.domain_id = :domain_id
      AND (CAST(:seen_from AS timestamptz) IS NULL
           OR (s.seen_from, s.address, s.port) < (:seen_from, :address, :port))
    ORDER BY s.seen_from DESC, s.address DESC, s.port DESC
    LIMIT :limit
""")

_CHANGES = text("""
    SELECT id, at, address, port, change, before, after, detail
    FROM certificate_changes
    WHERE domain_id = :domain_id AND (CAST(:last AS bigint) IS NULL OR id < :last)
    ORDER BY id DESC
    LIMIT :limit
""")


async def list_served(
    tx: Connection, domain_id: int, *, limit: int, cursor: str | None = None
) -> Page[ServedRow]:
    """List what a domain's addresses served, what began last first.

    Raises Invalid for a cursor that is not this list's.
    """
    last = decode_cursor(cursor, str, str, int) if cursor else (None, "", 0)
    values = dict(zip(("seen_from", "address", "port"), last, strict=True))
    rows = await tx.execute(_SERVED, {"domain_id": domain_id, "limit": limit + 1, **values})
    found = [decode(row, ServedRow) for row in rows]
    if len(found) <= limit:
        return Page(found, None)
    end = found[limit - 1]
    return Page(found[:limit], encode_cursor(end.seen_from.isoformat(), end.address, end.port))


async def list_certificate_changes(
    tx: Connection, domain_id: int, *, limit: int, cursor: str | None = None
) -> Page[CertificateChangeRow]:
    """List what was new about the certificates of a domain's addresses, the newest first.

    Raises Invalid for a cursor that is not this list's.
    """
    last = decode_cursor(cursor, int)[0] if cursor else None
    values = {"domain_id": domain_id, "last": last, "limit": limit + 1}
    found = [decode(row, CertificateChangeRow) for row in await tx.execute(_CHANGES, values)]
    if len(found) <= limit:
        return Page(found, None)
    return Page(found[:limit], encode_cursor(found[limit - 1].id))
