"""Domains, their addresses and certificates on the fleet's page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from exporter import other_exporters
from exporter.families import fleet as f
from exporter.text import Page, label_text, unix
from registry.distinguished_names import organisation
from registry.facts.domains import AddressSource, CertificateChange, OcspStatus, Verdict
from registry.facts.outcomes import Failure, FailureReason
from registry.fleet import Fleet
from registry.fleet_domains import DomainStatus, EndpointStatus, KnownStatus


def add(page: Page, fleet: Fleet) -> None:
    """Add all domains that are enabled, and what is known of certificates beside the wire."""
    endpoints: defaultdict[int, list[EndpointStatus]] = defaultdict(list)
    for endpoint in fleet.endpoints:
        endpoints[endpoint.domain_id].append(endpoint)
    changes = {(count.domain_id, count.change): count.total for count in fleet.certificate_changes}
    for domain in fleet.domains:
        if domain.enabled:
            labels = _add_domain(page, domain)
            _add_agreement(page, labels, domain, endpoints[domain.id])
            for change in CertificateChange:
                total = changes.get((domain.id, change), 0)
                page.add(f.DOMAIN_CHANGES, labels, total, f',change="{change}"')
            for endpoint in endpoints[domain.id]:
                _add_endpoint(page, endpoint, fleet.now)
            other_exporters.add(page, domain, endpoints[domain.id])
    for known in fleet.known:
        _add_known(page, known)


def _add_domain(page: Page, domain: DomainStatus) -> str:
    labels = label_text(domain=domain.name, port=domain.port, server_name=domain.server_name)
    served_by = label_text(node=domain.node, container=domain.container)
    page.add(f.DOMAIN_INFO, f"{labels},{served_by}".rstrip(","), 1)
    page.add_one_hot(f.DOMAIN_FAILURE, labels, FailureReason, _reason(domain.failure))
    page.add(f.DOMAIN_LAST_SUCCESS, labels, unix(domain.last_success_at))
    page.add(f.DOMAIN_CONSECUTIVE_FAILURES, labels, domain.consecutive_failures)
    page.add(f.DOMAIN_PROBES, labels, domain.probes_total)
    page.add(f.DOMAIN_PROBE_FAILURES, labels, domain.failures_total)
    return labels


def _add_agreement(
    page: Page, labels: str, domain: DomainStatus, endpoints: Iterable[EndpointStatus]
) -> None:
    """Add whether clients get the same wherever DNS sends them: of the addresses that answer."""
    asked = () if domain.failure else endpoints
    seen = [
        endpoint
        for endpoint in asked
        if endpoint.source is AddressSource.RESOLVED
        and endpoint.failure is None
        and endpoint.fingerprint
    ]
    if seen:
        kinds = {(organisation(one.issuer or ""), frozenset(one.sans)) for one in seen}
        page.add(f.DOMAIN_CERTIFICATES, labels, len({one.fingerprint for one in seen}))
        page.add(f.DOMAIN_VARIANTS, labels, len(kinds))


def _reason(failure: Failure | None) -> FailureReason | None:
    return failure.reason if failure else None


# ---------------------------------------------------------------------------- addresses


def _add_endpoint(page: Page, endpoint: EndpointStatus, now: datetime) -> None:
    """Add an address: what its last probe said, and the facts it last showed, however old."""
    labels = _identity(endpoint)
    spoken = f',source="{endpoint.source}",starttls="{endpoint.starttls}"'
    page.add(f.ENDPOINT_INFO, labels, 1, spoken)
    page.add_one_hot(f.ENDPOINT_FAILURE, labels, FailureReason, _reason(endpoint.failure))
    page.add(f.ENDPOINT_LAST_SUCCESS, labels, unix(endpoint.last_success_at))
    page.add(f.ENDPOINT_DURATION, labels, endpoint.seconds)
    if endpoint.verdict:
        _add_verdict(page, labels, endpoint, endpoint.verdict)
        _add_certificate(page, labels, endpoint, now)
        _add_newer(page, labels, endpoint)


def _add_verdict(page: Page, labels: str, endpoint: EndpointStatus, verdict: Verdict) -> None:
    page.add_one_hot(f.ENDPOINT_VERDICT, labels, Verdict, verdict)
    for fault in sorted({fault.verdict for fault in endpoint.faults}):
        page.add(f.ENDPOINT_FAULT, labels, 1, f',verdict="{fault}"')
    if endpoint.staple:
        page.add_one_hot(f.ENDPOINT_OCSP, labels, OcspStatus, endpoint.staple.status)
    page.add(f.ENDPOINT_CHAIN_NOT_AFTER, labels, unix(endpoint.chain_not_after))
    page.add(f.ENDPOINT_SERVING_SINCE, labels, unix(endpoint.serving_since))
    page.add(f.ENDPOINT_RENEWALS, labels, endpoint.renewals_total)
    agreed = label_text(
        tls_version=endpoint.tls_version, cipher=endpoint.cipher, alpn=endpoint.alpn
    )
    page.add(f.ENDPOINT_TLS, f"{labels},{agreed}".rstrip(","), 1)


def _add_certificate(page: Page, labels: str, endpoint: EndpointStatus, now: datetime) -> None:
    labels = f'{labels},fingerprint_sha256="{endpoint.fingerprint}"'
    begin, end = unix(endpoint.not_before), unix(endpoint.not_after)
    page.add(f.CERTIFICATE_NOT_BEFORE, labels, begin)
    page.add(f.CERTIFICATE_NOT_AFTER, labels, end)
    if begin is not None and end is not None:
        page.add(f.CERTIFICATE_LIFETIME, labels, end - begin)
        if end > begin:
            left = (end - now.timestamp()) / (end - begin)
            page.add(f.CERTIFICATE_REMAINING, labels, round(left, 6))
    names = label_text(
        subject=endpoint.subject, issuer=endpoint.issuer, serial_number=endpoint.serial_number
    )
    page.add(f.CERTIFICATE_INFO, f"{labels},{names}".rstrip(","), 1)


def _add_newer(page: Page, labels: str, endpoint: EndpointStatus) -> None:
    if newer := endpoint.newer:
        where = label_text(
            source=newer.source, where=newer.where, fingerprint_sha256=newer.fingerprint
        )
        page.add(f.ENDPOINT_NEWER, f"{labels},{where}", 1)
        page.add(f.ENDPOINT_NEWER_NOT_BEFORE, f"{labels},{where}", unix(newer.not_before))


def _identity(endpoint: EndpointStatus) -> str:
    return label_text(
        domain=endpoint.domain,
        address=endpoint.address,
        port=endpoint.port,
        server_name=endpoint.server_name,
    )


# ---------------------------------------------------------------------------- beside the wire


def _add_known(page: Page, known: KnownStatus) -> None:
    place = label_text(source=known.source, host=known.host, place=known.place)
    page.add(f.KNOWN_UNREADABLE, place, known.fingerprint is None)
    if known.fingerprint:
        labels = f'{place},fingerprint_sha256="{known.fingerprint}"'
        page.add(f.KNOWN_NOT_BEFORE, labels, unix(known.not_before))
        page.add(f.KNOWN_NOT_AFTER, labels, unix(known.not_after))
        names = label_text(
            subject=known.subject, issuer=known.issuer, serial_number=known.serial_number
        )
        page.add(f.KNOWN_INFO, f"{labels},{names}".rstrip(","), 1)
