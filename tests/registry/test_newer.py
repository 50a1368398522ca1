"""Renewed but not loaded: who serves an older certificate than is known for its name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry.endpoints import Look, write_looks
from registry.facts.domains import CertificateFacts, DomainFacts, EndpointOutcome
from registry.newer import read_newer
from registry.session import Connection
from tests.registry.targets import (
    NOW,
    add_domain,
    certificate,
    endpoint,
    fetch,
    later,
    refused,
)

DAY = 86400.0
OLD = replace(certificate("old"), sans=("example.org", "www.example.org"), key_type="EC")
SOON = later(60 * DAY)


def renewed(*names: str, key_type: str = "EC", after: float = 60) -> CertificateFacts:
    facts = certificate("new", later((after + 90) * DAY))
    return replace(facts, sans=names or OLD.sans, key_type=key_type, not_before=later(after * DAY))


async def see(tx: Connection, domain_id: int, *endpoints: EndpointOutcome) -> None:
    await write_looks(tx, [Look(domain_id, NOW, DomainFacts(endpoints))])


async def know(tx: Connection, facts: CertificateFacts, source: str = "file") -> None:
    """Know a certificate beside the wire."""
    columns = (
        "fingerprint, der, subject, issuer, serial_number, sans, not_before, not_after, key_type"
    )
    await fetch(
        tx,
        f"INSERT INTO certificates ({columns}, signature_algorithm, parse_error, first_seen_at, last_seen_at)"
        " VALUES (:fingerprint, :der, '', '', '', :sans, :not_before, :not_after, :key_type, '', '', :now, :now)"
        " RETURNING 1",
        **{name: getattr(facts, name) for name in ("fingerprint", "der", "not_before", "not_after", "key_type")},
        sans=list(facts.sans),
        now=NOW,
    )  # fmt: skip
    await fetch(
        tx,
        "INSERT INTO known_certificates (source, host, place, fingerprint, first_seen_at, last_seen_at)"
        " VALUES (:source, 'vps-1', '/etc/new.pem', :fingerprint, :now, :now) RETURNING 1",
        source=source,
        fingerprint=facts.fingerprint,
        now=NOW,
    )


async def found(tx: Connection) -> list[tuple[str, str, str]]:
    """Address, source and place of every newer certificate."""
    newer = await read_newer(tx, SOON)
    return [(place[1], one.source, one.where) for place, one in sorted(newer.items())]


async def test_a_newer_one_in_a_file_is_told_with_its_place(tx: Connection) -> None:
    await see(tx, await add_domain(tx), endpoint(shown=OLD))
    await know(tx, renewed())
    assert await found(tx) == [("192.0.2.1", "file", "vps-1:/etc/new.pem")]


async def test_one_address_that_renewed_tells_of_the_other(tx: Connection) -> None:
    await see(tx, await add_domain(tx), endpoint(shown=OLD), endpoint("192.0.2.2", renewed()))
    assert await found(tx) == [("192.0.2.1", "endpoint", "example.org:443 at 192.0.2.2")]


async def test_another_port_of_the_name_counts(tx: Connection) -> None:
    await see(tx, await add_domain(tx), endpoint(shown=OLD))
    await see(tx, await add_domain(tx, port=8443), endpoint(shown=renewed(), port=8443))
    assert await found(tx) == [("192.0.2.1", "endpoint", "example.org:8443 at 192.0.2.1")]


@pytest.mark.parametrize(
    ("server_name", "names", "covered"),
    [
        (None, ["example.org"], True),
        (None, ["EXAMPLE.org"], True),
        (None, ["*.org"], True),
        (None, ["*.example.org"], False),
        ("www.example.org", ["*.example.org"], True),
        ("a.www.example.org", ["*.example.org"], False),
        (None, ["other.org"], False),
    ],
)
async def test_it_must_cover_the_name_that_is_asked_for(
    tx: Connection, server_name: str | None, names: list[str], *, covered: bool
) -> None:
    await see(tx, await add_domain(tx, server_name=server_name), endpoint(shown=OLD))
    await know(tx, renewed(*names))
    assert bool(await found(tx)) == covered


@pytest.mark.parametrize(
    ("facts", "counts"),
    [
        (renewed(key_type="RSA", after=0.01), False),  # the other of a pair
        (renewed(key_type="RSA"), True),
        (renewed(after=0.01), True),  # in place of a key that got out
        (renewed(after=61), False),  # not valid yet
        (replace(renewed(), not_after=later(59 * DAY)), False),  # over
        (replace(renewed(), not_before=later(-1)), False),  # older
    ],
)
async def test_it_must_be_valid_now_and_a_successor(
    tx: Connection, facts: CertificateFacts, *, counts: bool
) -> None:
    await see(tx, await add_domain(tx), endpoint(shown=OLD))
    await know(tx, facts)
    assert bool(await found(tx)) == counts


async def test_an_address_that_fails_now_is_no_witness(tx: Connection) -> None:
    domain_id = await add_domain(tx)
    await see(tx, domain_id, endpoint(shown=OLD), endpoint("192.0.2.2", renewed()))
    await write_looks(
        tx, [Look(domain_id, later(1), DomainFacts((endpoint(shown=OLD), refused("192.0.2.2"))))]
    )
    assert await found(tx) == []


async def test_the_newest_of_several_is_told_and_a_file_before_an_address(tx: Connection) -> None:
    domain_id = await add_domain(tx)
    await see(tx, domain_id, endpoint(shown=OLD), endpoint("192.0.2.2", renewed()))
    upload = {"fingerprint": renewed().fingerprint, "now": NOW}
    await fetch(
        tx,
        "INSERT INTO known_certificates (source, host, place, fingerprint, first_seen_at, last_seen_at)"
        " VALUES ('upload', '', 'example', :fingerprint, :now, :now) RETURNING 1",
        **upload,
    )
    assert await found(tx) == [("192.0.2.1", "upload", "example")]
