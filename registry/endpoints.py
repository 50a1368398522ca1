"""What TLS probes saw: certificates by fingerprint, and each address of a domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import text

from registry.facts.domains import CertificateFacts, DomainFacts, EndpointFacts, EndpointOutcome
from registry.facts.outcomes import Failure
from registry.session import Connection
from registry.states import outcome_row
from registry.stored import encode_rows, hex_bytes

_CERTIFICATE_NAMES = tuple(field.name for field in fields(CertificateFacts))


@dataclass(frozen=True, slots=True)
class Look:
    """One look at all addresses of a domain."""

    domain_id: int
    at: datetime
    facts: DomainFacts

    def failure(self) -> Failure | None:
        """Return why no address gave facts: the first one's failure; None when one did."""
        failures = [endpoint.failure for endpoint in self.facts.endpoints]
        return None if None in failures else failures[0]


# In the order of fingerprints: two collectors that see the same certificates cannot block each other.
_WRITE_CERTIFICATES = text("""
    INSERT INTO certificates AS c
    SELECT * FROM json_populate_recordset(CAST(NULL AS certificates), CAST(:rows AS json))
    ORDER BY fingerprint
    ON CONFLICT (fingerprint) DO UPDATE
    SET last_seen_at = greatest(c.last_seen_at, excluded.last_seen_at)
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
        fingerprint = excluded.fingerprint,
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
        seconds = excluded.seconds
""")

_REMOVE_UNRESOLVED = text("""
    DELETE FROM endpoints e
    USING unnest(CAST(:ids AS bigint[]), CAST(:moments AS timestamptz[])) AS look (domain_id, at)
    WHERE e.domain_id = look.domain_id AND e.last_attempt_at < look.at
""")


async def write_looks(tx: Connection, looks: Sequence[Look]) -> None:
    """Record every address, its certificate where it showed one, and drop addresses that went.

    What an address last showed is kept when it fails now.
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
                certificate = endpoint.facts.certificate
                certificates[certificate.fingerprint] = _certificate_row(look, certificate)
    if answers:
        await tx.execute(_WRITE_CERTIFICATES, {"rows": encode_rows([*certificates.values()])})
        await tx.execute(_WRITE_ANSWERS, {"rows": encode_rows(answers)})
    if failures:
        await tx.execute(_WRITE_FAILURES, {"rows": encode_rows(failures)})
    ids, moments = [look.domain_id for look in looks], [look.at for look in looks]
    await tx.execute(_REMOVE_UNRESOLVED, {"ids": ids, "moments": moments})


def _distinct(endpoints: Sequence[EndpointOutcome]) -> list[EndpointOutcome]:
    return [*{(endpoint.address, endpoint.port): endpoint for endpoint in endpoints}.values()]


def _endpoint_row(look: Look, endpoint: EndpointOutcome) -> dict[str, object]:
    return outcome_row(look.at, endpoint.failure) | {
        "domain_id": look.domain_id,
        "address": endpoint.address,
        "port": endpoint.port,
        "first_seen_at": look.at,
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
    }


def _certificate_row(look: Look, facts: CertificateFacts) -> dict[str, object]:
    row: dict[str, object] = {name: getattr(facts, name) for name in _CERTIFICATE_NAMES}
    return row | {"der": hex_bytes(facts.der), "first_seen_at": look.at, "last_seen_at": look.at}
