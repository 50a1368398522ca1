"""Renewed but not loaded: an address serves a certificate of which a newer one is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from registry.session import Connection

# An endpoint: domain id, address, port.
Place = tuple[int, str, int]


@dataclass(frozen=True, slots=True)
class NewerCertificate:
    """A certificate for the same name that is newer than the one served, and where it is.

    `source` is endpoint, file or upload.
    """

    fingerprint: str
    not_before: datetime
    where: str
    source: str


# The name that is asked for, or a wildcard for its first label (RFC 9525, 6.3). Servers may hold an RSA and an
# ECDSA certificate at once, renewed within minutes of each other, and show us but one: the other is newer only
# where it began a good part of a life later.
_READ = text("""
    WITH places AS (
        SELECT e.fingerprint, 'endpoint' AS source, concat(d.name, ':', e.port, ' at ', e.address) AS place
        FROM endpoints e JOIN domains d ON d.id = e.domain_id
        WHERE e.fingerprint IS NOT NULL AND e.failure_reason IS NULL
        UNION ALL
        SELECT k.fingerprint, k.source, concat_ws(':', nullif(k.host, ''), k.place)
        FROM known_certificates k
        WHERE k.fingerprint IS NOT NULL
    ), known AS (
        -- Once each: a thousand names may share a wildcard. An upload or a file is told before an address.
        SELECT DISTINCT ON (fingerprint) * FROM places ORDER BY fingerprint, source DESC, place
    ), named AS MATERIALIZED (
        SELECT known.*, c.not_before, c.key_type, lower(name) AS name
        FROM known JOIN certificates c USING (fingerprint) CROSS JOIN unnest(c.sans) AS name
        WHERE c.not_before <= :now AND c.not_after > :now
    ), served AS MATERIALIZED (
        SELECT e.domain_id, e.address, e.port, e.fingerprint, c.not_before, c.not_after, c.key_type, wanted.name
        FROM endpoints e
        JOIN domains d ON d.id = e.domain_id
        JOIN certificates c ON c.fingerprint = e.fingerprint
        CROSS JOIN LATERAL (SELECT lower(coalesce(d.server_name, d.name)) AS name) AS asked
        CROSS JOIN LATERAL unnest(ARRAY[asked.name, regexp_replace(asked.name, '^[^.]+\\.', '*.')]) AS wanted (name)
        WHERE CAST(:ids AS bigint[]) IS NULL OR e.domain_id = ANY(:ids)
    )
    SELECT DISTINCT ON (served.domain_id, served.address, served.port)
           served.domain_id, served.address, served.port,
           named.fingerprint, named.not_before, named.place, named.source
    FROM served JOIN named ON named.name = served.name
    WHERE named.fingerprint <> served.fingerprint
      AND named.not_before > served.not_before
      AND (named.key_type = served.key_type
           OR named.not_before - served.not_before > (served.not_after - served.not_before) / 10)
    ORDER BY served.domain_id, served.address, served.port, named.not_before DESC, named.source DESC
""")


async def read_newer(
    tx: Connection, now: datetime, domain_ids: Sequence[int] | None = None
) -> dict[Place, NewerCertificate]:
    """Return the newest certificate that is known for what each address is asked for, where it serves an older.

    One that is valid at `now`, from another address, of this domain or another, a file or an upload.
    Of all domains, or of these.
    """
    ids = None if domain_ids is None else list(domain_ids)
    return {
        (row.domain_id, row.address, row.port): NewerCertificate(
            row.fingerprint, row.not_before, row.place, row.source
        )
        for row in await tx.execute(_READ, {"now": now, "ids": ids})
    }
