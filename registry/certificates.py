"""Certificates by fingerprint, from wherever they come: the wire, a file, an upload, an engine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import text

from registry.facts.domains import CertificateFacts
from registry.session import Connection
from registry.stored import encode_rows, hex_bytes

_NAMES = tuple(field.name for field in fields(CertificateFacts))

# In the order of fingerprints: two that write the same certificates cannot block each other.
_WRITE = text("""
    INSERT INTO certificates AS c
    SELECT * FROM json_populate_recordset(CAST(NULL AS certificates), CAST(:rows AS json))
    ORDER BY fingerprint
    ON CONFLICT (fingerprint) DO UPDATE
    SET last_seen_at = greatest(c.last_seen_at, excluded.last_seen_at),
        issuers = coalesce(excluded.issuers, c.issuers)
""")


@dataclass(frozen=True, slots=True)
class SeenCertificate:
    """A certificate as it was seen at a moment; `issuers` is the DER that stood behind it.

    None where nothing could stand there: what is known of them stays.
    """

    facts: CertificateFacts
    at: datetime
    issuers: tuple[bytes, ...] | None = ()


async def write_certificates(tx: Connection, seen: Iterable[SeenCertificate]) -> None:
    """Store each certificate once, with when it was seen last and what stood behind it then."""
    rows = {one.facts.fingerprint: _row(one) for one in seen}
    if rows:
        await tx.execute(_WRITE, {"rows": encode_rows([*rows.values()])})


def _row(seen: SeenCertificate) -> dict[str, object]:
    row: dict[str, object] = {name: getattr(seen.facts, name) for name in _NAMES}
    return row | {
        "der": hex_bytes(seen.facts.der),
        "issuers": seen.issuers and [hex_bytes(der) for der in seen.issuers],
        "first_seen_at": seen.at,
        "last_seen_at": seen.at,
    }
