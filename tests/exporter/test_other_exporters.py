"""blackbox_exporter's and ssl_exporter's names and labels, and what they lose kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from exporter import fleet_page
from registry.facts.domains import Verdict
from registry.facts.outcomes import Failure, FailureReason
from registry.fleet_domains import DomainStatus, EndpointStatus
from tests.exporter.reading import Series, values
from tests.exporter.things import DOMAIN, ENDPOINT, FLEET, NOW

DOMAIN_AT = 'instance="shop.example:443",domain="shop.example"'
AT = f'{DOMAIN_AT},address="192.0.2.1",port="443"'
REFUSED = Failure(FailureReason.REFUSED, "nothing listens there")
SUBJECT = "CN=shop.example,OU=a+OU=b,O=Shop"
SHOWN = replace(
    ENDPOINT,
    subject=SUBJECT,
    serial_number="4d2",
    sans=("shop.example", "*.shop.example", "192.0.2.1", "2001:db8::1"),
    sent_not_after=NOW + timedelta(days=9),
)


def shown(name: str, endpoint: EndpointStatus = SHOWN, domain: DomainStatus = DOMAIN) -> Series:
    page = fleet_page.render(replace(FLEET, domains=(domain,), endpoints=(endpoint,)))
    return values(page, name)


@pytest.mark.parametrize(
    ("verdict", "success"),
    [(Verdict.OK, "1"), (Verdict.WEAK, "1"), (Verdict.EXPIRED, "0"), (Verdict.REVOKED, "0")],
)
def test_a_probe_succeeds_where_clients_accept_the_certificate(
    verdict: Verdict, success: str
) -> None:
    told = shown("probe_success", replace(SHOWN, verdict=verdict))
    assert told == {f"{{{AT}}}": success}


def test_a_probe_without_an_answer_fails_and_its_dates_stay() -> None:
    away = replace(SHOWN, failure=REFUSED)
    assert shown("probe_success", away) == {f"{{{AT}}}": "0"}
    assert shown("probe_ssl_earliest_cert_expiry", away)
    assert shown("ssl_cert_not_after", away)


def test_a_name_that_does_not_resolve_fails_at_the_addresses_it_had_or_without() -> None:
    gone = replace(DOMAIN, failure=Failure(FailureReason.DNS, "no such name"))
    assert shown("probe_success", domain=gone) == {f"{{{AT}}}": "0"}
    page = fleet_page.render(replace(FLEET, domains=(gone,), endpoints=()))
    assert values(page, "probe_success") == {f'{{{DOMAIN_AT},port="443"}}': "0"}
    page = fleet_page.render(
        replace(FLEET, domains=(replace(DOMAIN, last_attempt_at=None),), endpoints=())
    )
    assert not values(page, "probe_success")


def test_an_address_as_a_domain_is_an_instance_as_urls_write_it() -> None:
    told = shown("probe_duration_seconds", domain=replace(DOMAIN, name="2001:db8::1"))
    assert all('instance="[2001:db8::1]:443"' in labels for labels in told)


def test_an_expiry_that_was_not_verified_is_left_out() -> None:
    untrusted = replace(SHOWN, verdict=Verdict.UNKNOWN_AUTHORITY, chain_not_after=None)
    assert not shown("probe_ssl_last_chain_expiry_timestamp_seconds", untrusted)
    assert shown("probe_ssl_earliest_cert_expiry", untrusted) == {
        f"{{{AT}}}": str(int(NOW.timestamp()) + 9 * 86400)
    }


def test_the_version_of_tls_is_written_as_they_write_it() -> None:
    for name in ("probe_tls_version_info", "ssl_tls_version_info"):
        assert shown(name) == {f'{{{AT},version="TLS 1.3"}}': "1"}


def test_blackbox_exporters_labels_of_a_certificate() -> None:
    ((labels, _),) = shown("probe_ssl_last_chain_info").items()
    assert labels == (
        f'{{{AT},fingerprint_sha256="{"ab" * 32}",subject="{SUBJECT}",'
        'issuer="CN=R10,O=Let\'s Encrypt,C=US",'
        'subjectalternative="shop.example,*.shop.example",serialnumber="04d2"}'
    )


def test_ssl_exporters_labels_of_a_certificate() -> None:
    certificate = (
        'serial_no="1234",issuer_cn="R10",cn="shop.example",'
        'dnsnames=",shop.example,*.shop.example,",ips=",192.0.2.1,2001:db8::1,",ou=",a,b,"'
    )
    assert shown("ssl_cert_not_after") == {
        f"{{{AT},{certificate}}}": str(int(NOW.timestamp()) + 60 * 86400)
    }
    assert len(shown("ssl_cert_not_before")) == 1


def test_a_certificate_that_nobody_can_read_has_no_dates_and_harms_nobody() -> None:
    odd = replace(
        SHOWN,
        subject="",
        issuer="",
        serial_number="",
        sans=(),
        not_before=None,
        not_after=None,
        tls_version=None,
    )
    assert not shown("ssl_cert_not_after", odd)
    assert shown("probe_tls_version_info", odd) == {f'{{{AT},version="unknown"}}': "1"}


def test_a_renewal_leaves_no_series_of_the_certificate_before() -> None:
    renewed = replace(SHOWN, fingerprint="cd" * 32, serial_number="05")
    for name in ("ssl_cert_not_after", "probe_ssl_last_chain_info", "vsa_certificate_info"):
        before, after = shown(name), shown(name, renewed)
        assert len(before) == len(after) == 1
        assert before.keys() != after.keys()
