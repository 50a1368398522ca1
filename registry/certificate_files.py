"""Certificates in files on a collector's host, as it reads them: what lies there now, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from registry.certificates import SeenCertificate, write_certificates
from registry.facts.domains import CertificateFacts, CertificateSource
from registry.session import Connection
from registry.stored import clean_detail, encode_rows

# Of a host whose collector is gone for good, as collectors themselves.
_FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CertificateFile:
    """What a file holds: a certificate and what stands behind it, or why none can be read."""

    path: str
    certificate: CertificateFacts | None = None
    issuers: tuple[bytes, ...] = ()
    failure_detail: str = ""


# `first_seen_at` is of the certificate that lies there, not of the path.
_WRITE = text("""
    INSERT INTO known_certificates AS k
        (source, host, place, fingerprint, failure_detail, first_seen_at, last_seen_at)
    SELECT source, host, place, fingerprint, failure_detail, first_seen_at, last_seen_at
    FROM json_populate_recordset(CAST(NULL AS known_certificates), CAST(:rows AS json))
    ORDER BY place
    ON CONFLICT (source, host, place) DO UPDATE
    SET first_seen_at = CASE WHEN k.fingerprint IS NOT DISTINCT FROM excluded.fingerprint
                             THEN k.first_seen_at ELSE excluded.first_seen_at END,
        last_seen_at = excluded.last_seen_at,
        fingerprint = excluded.fingerprint,
        failure_detail = excluded.failure_detail
""")

_FORGET = text("""
    DELETE FROM known_certificates
    WHERE source = 'file'
      AND (host = :host AND place <> ALL(CAST(:places AS text[])) OR last_seen_at < :before)
""")


async def write_files(
    tx: Connection, host: str, files: Sequence[CertificateFile], at: datetime
) -> None:
    """Record all that lies in a host's files, and forget those that are gone, or their host is."""
    seen = [
        SeenCertificate(file.certificate, at, file.issuers or None)
        for file in files
        if file.certificate
    ]
    await write_certificates(tx, seen)
    rows = [_row(host, file, at) for file in files]
    await tx.execute(_WRITE, {"rows": encode_rows(rows)})
    kept = {"host": host, "places": [file.path for file in files]}
    await tx.execute(_FORGET, kept | {"before": at - _FORGOTTEN_AFTER})


def _row(host: str, file: CertificateFile, at: datetime) -> dict[str, object]:
    row: dict[str, object] = {"source": CertificateSource.FILE, "host": host, "place": file.path}
    row |= {"first_seen_at": at, "last_seen_at": at}
    if file.certificate is None:
        return row | {"failure_detail": clean_detail(file.failure_detail)}
    return row | {"fingerprint": file.certificate.fingerprint}
