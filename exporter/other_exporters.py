"""The same by the names of blackbox_exporter and ssl_exporter, whose dashboards and rules people have.

Where those lose a number, this one keeps it: an expired or untrusted certificate still has its dates.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

from exporter.families import fleet as f
from exporter.text import Page, label_text, unix
from registry.distinguished_names import values_of
from registry.facts.domains import Verdict
from registry.fleet_domains import DomainStatus, EndpointStatus

# What a client goes on with; blackbox_exporter takes a weak key too.
_ACCEPTED = frozenset({Verdict.OK, Verdict.WEAK})


def add(page: Page, domain: DomainStatus, endpoints: Sequence[EndpointStatus]) -> None:
    """Add a domain's addresses; one that has none failed without an address."""
    host = f"[{domain.name}]" if ":" in domain.name else domain.name
    instance = f"{host}:{domain.port}"
    if not endpoints and domain.last_attempt_at:
        labels = label_text(
            instance=instance, domain=domain.name, port=domain.port, server_name=domain.server_name
        )
        page.add(f.PROBE_SUCCESS, labels, 0)
    for endpoint in endpoints:
        labels = label_text(
            instance=instance,
            domain=endpoint.domain,
            address=endpoint.address,
            port=endpoint.port,
            server_name=endpoint.server_name,
        )
        # A name that does not resolve leaves its addresses with what they said last.
        failed = domain.failure or endpoint.failure
        page.add(f.PROBE_SUCCESS, labels, not failed and endpoint.verdict in _ACCEPTED)
        page.add(f.PROBE_DURATION, labels, endpoint.seconds)
        if endpoint.verdict:
            _add_certificate(page, labels, endpoint)


def _add_certificate(page: Page, labels: str, endpoint: EndpointStatus) -> None:
    page.add(f.PROBE_EARLIEST_EXPIRY, labels, unix(endpoint.sent_not_after))
    page.add(f.PROBE_CHAIN_EXPIRY, labels, unix(endpoint.chain_not_after))
    version = f',version="{(endpoint.tls_version or "unknown").replace("v", " ")}"'
    page.add(f.PROBE_TLS_VERSION, labels, 1, version)
    page.add(f.SSL_TLS_VERSION, labels, 1, version)
    dns, ips = _names(endpoint.sans)
    serial = endpoint.serial_number or ""
    page.add(f.PROBE_CHAIN_INFO, f"{labels},{_blackbox_labels(endpoint, dns, serial)}", 1)
    certificate = f"{labels},{_ssl_exporter_labels(endpoint, dns, ips, serial)}".rstrip(",")
    page.add(f.SSL_NOT_BEFORE, certificate, unix(endpoint.not_before))
    page.add(f.SSL_NOT_AFTER, certificate, unix(endpoint.not_after))


def _blackbox_labels(endpoint: EndpointStatus, dns: Sequence[str], serial: str) -> str:
    return label_text(
        fingerprint_sha256=endpoint.fingerprint,
        subject=endpoint.subject,
        issuer=endpoint.issuer,
        subjectalternative=",".join(dns),
        serialnumber=serial.zfill(len(serial) + len(serial) % 2),
    )


def _ssl_exporter_labels(
    endpoint: EndpointStatus, dns: Sequence[str], ips: Sequence[str], serial: str
) -> str:
    subject = endpoint.subject or ""
    return label_text(
        serial_no=int(serial, 16) if serial else None,
        issuer_cn=next(iter(values_of(endpoint.issuer or "", "CN")), None),
        cn=next(iter(values_of(subject, "CN")), None),
        dnsnames=_listed(dns),
        ips=_listed(ips),
        ou=_listed(values_of(subject, "OU")),
    )


def _listed(values: Sequence[str]) -> str:
    """Write a list as ssl_exporter does: a comma before, between and after, so that `,a,` finds one."""
    return f",{','.join(values)}," if values else ""


def _names(sans: Sequence[str]) -> tuple[list[str], list[str]]:
    """Tell DNS names from IP addresses."""
    ips = [name for name in sans if _is_address(name)]
    return [name for name in sans if name not in ips], ips


def _is_address(name: str) -> bool:
    # To try is dear, and almost no name comes so far.
    if ":" not in name and not name[-1:].isdigit():
        return False
    try:
        return bool(ip_address(name))
    except ValueError:
        return False
