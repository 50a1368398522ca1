"""What the fleet's page tells of certificates beyond their dates: faults, changes, newer ones, other places."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from exporter import fleet_page
from exporter.families import fleet as families
from registry.facts.domains import (
    AddressSource,
    CertificateChange,
    Fault,
    OcspStaple,
    OcspStatus,
    Verdict,
)
from registry.facts.outcomes import Failure, FailureReason
from registry.fleet_domains import ChangeCount, EndpointStatus, KnownStatus
from registry.newer import NewerCertificate
from tests.exporter.reading import Series, assert_promtool_is_content, names, values
from tests.exporter.things import DOMAIN, ENDPOINT, EVERYTHING, FLEET, KNOWN, NOW

AT = 'domain="shop.example",address="192.0.2.1",port="443"'
DAY = timedelta(days=1)
NOW_SECONDS = int(NOW.timestamp())
REFUSED = Failure(FailureReason.REFUSED, "nothing listens there")


def of_endpoints(name: str, *endpoints: EndpointStatus) -> Series:
    return values(fleet_page.render(replace(FLEET, endpoints=endpoints)), name)


def hot(series: Series) -> list[str]:
    return [labels for labels, value in series.items() if value == "1"]


def test_every_fault_is_told_beside_the_verdict() -> None:
    faults = (Fault(Verdict.EXPIRED, "over", 10), Fault(Verdict.WEAK, "SHA-1"))
    bad = replace(ENDPOINT, verdict=Verdict.EXPIRED, faults=faults)
    told = of_endpoints("vsa_endpoint_fault", bad)
    assert told == {f'{{{AT},verdict="expired"}}': "1", f'{{{AT},verdict="weak"}}': "1"}
    assert not of_endpoints("vsa_endpoint_fault", ENDPOINT)
    assert hot(of_endpoints("vsa_endpoint_verdict", bad)) == [f'{{{AT},verdict="expired"}}']


def test_a_staple_is_told_where_one_came() -> None:
    stapled = replace(ENDPOINT, staple=OcspStaple(OcspStatus.REVOKED))
    told = of_endpoints("vsa_endpoint_ocsp_status", stapled)
    assert hot(told) == [f'{{{AT},status="revoked"}}']
    assert len(told) == len(OcspStatus)
    assert not of_endpoints("vsa_endpoint_ocsp_status", ENDPOINT)


def test_an_address_says_who_gave_it_and_how_it_is_spoken_to() -> None:
    moved = replace(ENDPOINT, source=AddressSource.NODE)
    assert hot(of_endpoints("vsa_endpoint_info", moved)) == [
        f'{{{AT},source="node",starttls="none"}}'
    ]


def test_a_life_is_told_as_a_length_and_as_the_share_that_is_left() -> None:
    labels = f'{{{AT},fingerprint_sha256="{"ab" * 32}"}}'
    assert of_endpoints("vsa_certificate_lifetime_seconds", ENDPOINT) == {labels: str(90 * 86400)}
    assert of_endpoints("vsa_certificate_remaining_ratio", ENDPOINT) == {labels: "0.666667"}
    over = replace(ENDPOINT, not_after=NOW - 10 * DAY)
    assert of_endpoints("vsa_certificate_remaining_ratio", over) == {labels: "-0.5"}


def test_a_certificate_that_ends_before_it_begins_has_no_share() -> None:
    odd = replace(ENDPOINT, not_after=ENDPOINT.not_before)
    assert not of_endpoints("vsa_certificate_remaining_ratio", odd)


def test_since_when_it_is_served_and_how_often_it_was_renewed() -> None:
    served = replace(ENDPOINT, serving_since=NOW - DAY, renewals_total=2)
    since = of_endpoints("vsa_endpoint_serving_since_timestamp_seconds", served)
    assert since == {f"{{{AT}}}": str(NOW_SECONDS - 86400)}
    assert of_endpoints("vsa_endpoint_renewals_total", served) == {f"{{{AT}}}": "2"}


def test_a_newer_certificate_is_told_with_its_place() -> None:
    newer = NewerCertificate("cd" * 32, NOW - DAY, "/etc/letsencrypt/live/shop.example", "file")
    late = replace(ENDPOINT, newer=newer)
    labels = (
        f'{{{AT},source="file",where="/etc/letsencrypt/live/shop.example",'
        f'fingerprint_sha256="{"cd" * 32}"}}'
    )
    assert of_endpoints("vsa_endpoint_newer_certificate_info", late) == {labels: "1"}
    begins = of_endpoints("vsa_endpoint_newer_certificate_not_before_timestamp_seconds", late)
    assert begins == {labels: str(NOW_SECONDS - 86400)}
    assert not of_endpoints("vsa_endpoint_newer_certificate_info", ENDPOINT)


# ---------------------------------------------------------------------------- domains

OTHER = replace(ENDPOINT, address="192.0.2.2", fingerprint="cd" * 32)


def agreement(*endpoints: EndpointStatus) -> tuple[str | None, str | None]:
    """How many certificates, and how many that differ by more than their key and dates."""
    labels = '{domain="shop.example",port="443"}'
    page = fleet_page.render(replace(FLEET, endpoints=endpoints))
    return (
        values(page, "vsa_domain_certificates").get(labels),
        values(page, "vsa_domain_certificate_variants").get(labels),
    )


def test_addresses_of_one_certificate_agree() -> None:
    assert agreement(ENDPOINT, replace(ENDPOINT, address="192.0.2.2")) == ("1", "1")


def test_servers_that_renew_for_themselves_differ_in_the_certificate_alone() -> None:
    rotated = replace(OTHER, issuer="CN=R11,O=Let's Encrypt,C=US")
    assert agreement(ENDPOINT, rotated) == ("2", "1")


def test_another_issuer_and_other_names_are_variants() -> None:
    assert agreement(ENDPOINT, replace(OTHER, issuer="CN=x,O=ZeroSSL")) == ("2", "2")
    assert agreement(ENDPOINT, replace(OTHER, sans=("old.example",))) == ("2", "2")


def test_only_addresses_that_clients_reach_are_compared() -> None:
    away = replace(OTHER, failure=REFUSED)
    moved = replace(OTHER, source=AddressSource.NODE)
    assert agreement(ENDPOINT, away) == agreement(ENDPOINT, moved) == ("1", "1")
    assert agreement(away) == (None, None)


def test_a_name_that_does_not_resolve_has_nothing_to_compare() -> None:
    gone = replace(DOMAIN, failure=Failure(FailureReason.DNS, "no such name"))
    page = fleet_page.render(replace(FLEET, domains=(gone,)))
    assert not values(page, "vsa_domain_certificates")


def test_changes_are_counted_from_zero() -> None:
    count = ChangeCount(DOMAIN.id, CertificateChange.ISSUER_CHANGED, 2)
    page = fleet_page.render(replace(FLEET, certificate_changes=(count,)))
    told = values(page, "vsa_domain_certificate_changes_total")
    assert told == {
        f'{{domain="shop.example",port="443",change="{change}"}}': "2"
        if change is CertificateChange.ISSUER_CHANGED
        else "0"
        for change in CertificateChange
    }


# ---------------------------------------------------------------------------- beside the wire

PLACE = 'source="file",host="dash-1",place="/etc/letsencrypt/live/a/cert.pem"'


def of_known(known: KnownStatus, name: str) -> Series:
    return values(fleet_page.render(replace(FLEET, known=(known,))), name)


def test_a_file_shows_the_life_of_its_certificate() -> None:
    labels = f'{{{PLACE},fingerprint_sha256="{"ef" * 32}"}}'
    not_after = of_known(KNOWN, "vsa_known_certificate_not_after_timestamp_seconds")
    assert not_after == {labels: str(NOW_SECONDS + 86400)}
    assert of_known(KNOWN, "vsa_known_certificate_unreadable") == {f"{{{PLACE}}}": "0"}


def test_a_file_that_cannot_be_read_says_so() -> None:
    broken = replace(KNOWN, fingerprint=None, failure_detail="not a certificate", not_after=None)
    assert of_known(broken, "vsa_known_certificate_unreadable") == {f"{{{PLACE}}}": "1"}
    assert not of_known(broken, "vsa_known_certificate_info")


def test_both_ends_of_a_nodes_connection_show_their_certificates() -> None:
    page = fleet_page.render(EVERYTHING)
    assert values(page, "vsa_node_certificate_not_after_timestamp_seconds") == {
        '{node="web-1",end="server"}': str(NOW_SECONDS + 86400),
        '{node="web-1",end="client"}': str(NOW_SECONDS + 86400),
    }


def test_promtool_is_content_with_all_of_it_and_nothing_declared_is_missing() -> None:
    page = fleet_page.render(EVERYTHING)
    assert_promtool_is_content(page)
    assert {family.name for family in families.FLEET} <= names(page)
