"""What TLS probes saw: certificates by fingerprint, and each address of a domain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from registry.certificate_changes import Compared, changes_of
from registry.certificates import SeenCertificate, write_certificates
from registry.facts.domains import (
    AddressSource,
    CertificateChange,
    DomainFacts,
    EndpointFacts,
    EndpointOutcome,
)
from registry.facts.outcomes import Failure
from registry.session import Connection
from registry.states import outcome_row
from registry.stored import decode, encode_rows, hex_bytes

_PLACE = ("domain_id", "address", "port")


@dataclass(frozen=True, slots=True)
class Look:
    """One look at all addresses of a domain."""

    domain_id: int
    at: datetime
    facts: DomainFacts

    def failure(self) -> Failure | None:
        """Return why no address that clients come to gave facts: the first one's failure; None when one did."""
        resolved = [
            endpoint.failure
            for endpoint in self.facts.endpoints
            if endpoint.source is AddressSource.RESOLVED
        ]
        return None if None in resolved else next(iter(resolved), self.facts.unresolved)


# What stands in for it is another certificate; the rest is what the new one is compared with.
_READ_FORMER = text("""
    SELECT e.domain_id, e.address, e.port, e.fingerprint, c.issuer, c.sans, c.not_before, c.not_after
    FROM json_populate_recordset(CAST(NULL AS endpoints), CAST(:rows AS json)) r
    JOIN endpoints e ON e.domain_id = r.domain_id AND e.address = r.address AND e.port = r.port
    JOIN certificates c ON c.fingerprint = e.fingerprint
    WHERE e.fingerprint <> r.fingerprint
""")

# Before the endpoint's row forgets when that was.
_END_SERVED = text("""
    UPDATE served_certificates s
    SET seen_until = r.last_attempt_at, last_seen_at = e.last_success_at
    FROM json_populate_recordset(CAST(NULL AS endpoints), CAST(:rows AS json)) r
    JOIN endpoints e ON e.domain_id = r.domain_id AND e.address = r.address AND e.port = r.port
    WHERE s.domain_id = r.domain_id AND s.address = r.address AND s.port = r.port
      AND s.seen_until = 'infinity' AND s.fingerprint <> r.fingerprint
""")

_END_ALL_SERVED = text("""
    UPDATE served_certificates SET seen_until = :now
    WHERE domain_id = :domain_id AND seen_until = 'infinity'
""")

_BEGIN_SERVED = text("""
    INSERT INTO served_certificates (domain_id, address, port, seen_from, seen_until, fingerprint)
    SELECT r.domain_id, r.address, r.port, r.last_attempt_at, 'infinity', r.fingerprint
    FROM json_populate_recordset(CAST(NULL AS endpoints), CAST(:rows AS json)) r
    WHERE NOT EXISTS (
        SELECT FROM served_certificates s
        WHERE s.domain_id = r.domain_id AND s.address = r.address AND s.port = r.port
          AND s.seen_until = 'infinity')
""")

_WRITE_CHANGES = text("""
    INSERT INTO certificate_changes (at, domain_id, address, port, change, before, after, detail)
    SELECT at, domain_id, address, port, change, before, after, detail
    FROM json_populate_recordset(CAST(NULL AS certificate_changes), CAST(:rows AS json))
""")

_WRITE_ANSWERS = text("""
    INSERT INTO endpoints AS e
    SELECT * FROM json_populate_recordset(CAST(NULL AS endpoints), CAST(:rows AS json))
    ON CONFLICT (domain_id, address, port) DO UPDATE
    SET last_attempt_at = excluded.last_attempt_at,
        last_success_at = excluded.last_success_at,
        failure_reason = NULL,
        failure_detail = NULL,
        seconds = excluded.seconds,
        serving_since = CASE WHEN e.fingerprint = excluded.fingerprint AND e.serving_since IS NOT NULL
                             THEN e.serving_since ELSE excluded.serving_since END,
        renewals_total = coalesce(e.renewals_total, 0) + coalesce(excluded.renewals_total, 0),
        fingerprint = excluded.fingerprint,
        source = excluded.source,
        staple = excluded.staple,
        sent_not_after = excluded.sent_not_after,
        chain = excluded.chain,
        verdict = excluded.verdict,
        faults = excluded.faults,
        tls_version = excluded.tls_version,
        cipher = excluded.cipher,
        alpn = excluded.alpn,
        chain_not_after = excluded.chain_not_after
""")

_WRITE_FAILURES = text("""
    INSERT INTO endpoints AS e
    SELECT * FROM json_populate_recordset(CAST(NULL AS endpoints), CAST(:rows AS json))
    ON CONFLICT (domain_id, address, port) DO UPDATE
    SET last_attempt_at = excluded.last_attempt_at,
        failure_reason = excluded.failure_reason,
        failure_detail = excluded.failure_detail,
        source = excluded.source,
        seconds = excluded.seconds
""")

_REMOVE_UNRESOLVED = text("""
    WITH gone AS (
        DELETE FROM endpoints e
        USING unnest(CAST(:ids AS bigint[]), CAST(:moments AS timestamptz[])) AS look (domain_id, at)
        WHERE e.domain_id = look.domain_id AND e.last_attempt_at < look.at
        RETURNING e.domain_id, e.address, e.port, e.last_success_at, look.at
    )
    UPDATE served_certificates s
    SET seen_until = gone.at, last_seen_at = gone.last_success_at
    FROM gone
    WHERE s.domain_id = gone.domain_id AND s.address = gone.address AND s.port = gone.port
      AND s.seen_until = 'infinity'
""")


async def write_looks(tx: Connection, looks: Sequence[Look]) -> None:
    """Record every address, its certificate where it showed one, and drop addresses that went.

    What an address last showed is kept when it fails now; which certificate it showed from when until
    when, and what was new about each, is kept in any case.
    """
    if not looks:
        return
    answers, failures, certificates = [], [], {}
    for look in looks:
        for endpoint in _distinct(look.facts.endpoints):
            row = _endpoint_row(look, endpoint)
            if endpoint.facts is None:
                failures.append(row)
            else:
                answers.append(row | _facts_columns(endpoint.facts))
                seen = _seen_certificate(look, endpoint.facts)
                certificates[seen.facts.fingerprint] = seen
    if answers:
        await write_certificates(tx, certificates.values())
        await _write_answers(tx, answers, certificates)
    if failures:
        await tx.execute(_WRITE_FAILURES, {"rows": encode_rows(failures)})
    ids, moments = [look.domain_id for look in looks], [look.at for look in looks]
    await tx.execute(_REMOVE_UNRESOLVED, {"ids": ids, "moments": moments})


async def end_served(tx: Connection, domain_id: int, now: datetime) -> None:
    """Say that nobody serves anything under a domain any more: it is another name or port from now on."""
    await tx.execute(_END_ALL_SERVED, {"domain_id": domain_id, "now": now})


async def _write_answers(
    tx: Connection,
    answers: Sequence[dict[str, object]],
    certificates: Mapping[str, SeenCertificate],
) -> None:
    rows = encode_rows(answers)
    former = {tuple(row[:3]): row for row in await tx.execute(_READ_FORMER, {"rows": rows})}
    if former:
        await _write_changes(tx, answers, certificates, former)
        await tx.execute(_END_SERVED, {"rows": rows})
        rows = encode_rows(answers)  # renewals were counted in them
    await tx.execute(_BEGIN_SERVED, {"rows": rows})
    await tx.execute(_WRITE_ANSWERS, {"rows": rows})


async def _write_changes(
    tx: Connection,
    answers: Sequence[dict[str, object]],
    certificates: Mapping[str, SeenCertificate],
    former: Mapping[tuple[object, ...], Row[Any]],
) -> None:
    """Record what is new about each certificate that took another's place, and count renewals."""
    changes: list[dict[str, object]] = []
    for answer in answers:
        place = {name: answer[name] for name in _PLACE}
        before = former.get(tuple(place.values()))
        if before is None:
            continue
        after = str(answer["fingerprint"])
        told = changes_of(decode(before, Compared), decode(certificates[after].facts, Compared))
        answer["renewals_total"] = sum(one.change is CertificateChange.RENEWED for one in told)
        at = answer["last_attempt_at"]
        changes += [
            {**place, "at": at, "before": before.fingerprint, "after": after}
            | {"change": one.change, "detail": one.detail}
            for one in told
        ]
    await tx.execute(_WRITE_CHANGES, {"rows": encode_rows(changes)})


def _distinct(endpoints: Sequence[EndpointOutcome]) -> list[EndpointOutcome]:
    return [*{(endpoint.address, endpoint.port): endpoint for endpoint in endpoints}.values()]


def _endpoint_row(look: Look, endpoint: EndpointOutcome) -> dict[str, object]:
    return outcome_row(look.at, endpoint.failure) | {
        "domain_id": look.domain_id,
        "address": endpoint.address,
        "port": endpoint.port,
        "first_seen_at": look.at,
        "serving_since": look.at,
        "source": endpoint.source,
        "seconds": endpoint.seconds,
    }


def _facts_columns(facts: EndpointFacts) -> dict[str, object]:
    return {
        "fingerprint": facts.certificate.fingerprint,
        "chain": [hex_bytes(der) for der in facts.chain],
        "verdict": facts.verdict,
        "faults": facts.faults,
        "tls_version": facts.tls_version,
        "cipher": facts.cipher,
        "alpn": facts.alpn,
        "chain_not_after": facts.chain_not_after,
        "sent_not_after": facts.sent_not_after,
        "staple": facts.staple,
    }


def _seen_certificate(look: Look, shown: EndpointFacts) -> SeenCertificate:
    return SeenCertificate(shown.certificate, look.at, shown.chain[1:])
