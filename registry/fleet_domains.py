"""Domains and certificates as the fleet's page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from registry.facts.domains import (
    AddressSource,
    CertificateChange,
    CertificateSource,
    Fault,
    OcspStaple,
    StartTls,
    Verdict,
)
from registry.facts.outcomes import Failure
from registry.newer import NewerCertificate
from registry.session import Connection
from registry.stored import decode


@dataclass(frozen=True, slots=True)
class CertificateDates:
    """A certificate at one end of a connection to a node."""

    subject: str
    not_before: datetime | None
    not_after: datetime | None


@dataclass(frozen=True, slots=True)
class DomainStatus:
    """A domain and how its last probes went; names are None where they are not set."""

    id: int
    name: str
    port: int
    server_name: str | None
    node: str | None
    container: str | None
    enabled: bool
    last_attempt_at: datetime | None
    last_success_at: datetime | None
    failure: Failure | None
    consecutive_failures: int
    probes_total: int
    failures_total: int


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """One address of a domain: how the last probe went, and what the last successful one showed.

    `seconds` is the duration of the last probe; `server_name` stands only where it is set.
    """

    domain_id: int
    domain: str
    port: int
    starttls: StartTls
    server_name: str | None
    address: str
    last_attempt_at: datetime
    last_success_at: datetime | None
    failure: Failure | None
    seconds: float
    verdict: Verdict | None
    fingerprint: str | None
    subject: str | None
    issuer: str | None
    serial_number: str | None
    sans: tuple[str, ...]
    not_before: datetime | None
    not_after: datetime | None
    chain_not_after: datetime | None
    tls_version: str | None
    cipher: str | None
    alpn: str | None
    faults: tuple[Fault, ...] = ()
    source: AddressSource = AddressSource.RESOLVED
    staple: OcspStaple | None = None
    sent_not_after: datetime | None = None
    serving_since: datetime | None = None
    renewals_total: int = 0
    newer: NewerCertificate | None = None


@dataclass(frozen=True, slots=True)
class ChangeCount:
    """How often the addresses of a domain showed another certificate in that way."""

    domain_id: int
    change: CertificateChange
    total: int


@dataclass(frozen=True, slots=True)
class KnownStatus:
    """A certificate that is known from a file or an upload; `failure_detail` where it cannot be read."""

    source: CertificateSource
    host: str
    place: str
    failure_detail: str | None
    fingerprint: str | None
    subject: str | None
    issuer: str | None
    serial_number: str | None
    not_before: datetime | None
    not_after: datetime | None


# For a statement over vps_nodes n and node_state st, behind st.*, whose column holds but a fingerprint.
BOTH_ENDS = """
    , (SELECT jsonb_build_object('subject', c.subject, 'not_before', c.not_before, 'not_after', c.not_after)
       FROM certificates c WHERE c.fingerprint = st.certificate) AS certificate
    , (SELECT jsonb_build_object('subject', cr.facts -> 'subject', 'not_before', cr.facts -> 'not_before',
           'not_after', cr.facts -> 'not_after')
       FROM credentials cr
       WHERE cr.id = n.credential_id AND cr.facts ->> 'not_after' IS NOT NULL) AS client_certificate
"""
_CHANGES = text("""
    SELECT domain_id, change, count(*) AS total
    FROM certificate_changes
    GROUP BY domain_id, change
    ORDER BY domain_id, change
""")
_KNOWN = text("""
    SELECT k.source, k.host, k.place, k.failure_detail, k.fingerprint, c.subject, c.issuer, c.serial_number,
           c.not_before, c.not_after
    FROM known_certificates k LEFT JOIN certificates c ON c.fingerprint = k.fingerprint
    ORDER BY k.source, k.host, k.place
""")


async def count_changes(tx: Connection) -> tuple[ChangeCount, ...]:
    """Return how often each domain's addresses changed their certificate, by what was new about it."""
    return tuple(decode(row, ChangeCount) for row in await tx.execute(_CHANGES))


async def list_known(tx: Connection) -> tuple[KnownStatus, ...]:
    """Return every certificate that is known from a file or an upload."""
    return tuple(decode(row, KnownStatus) for row in await tx.execute(_KNOWN))
