"""Domains from REST to metrics, against a zoo of real TLS servers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from tests.end_to_end.house import House, wait_for
from tests.parts.tls import Authority, Identity, self_signed, serve

NAME = "localhost"
NOW = datetime.now(UTC)


def identities(authority: Authority) -> dict[str, Identity]:
    """A server for each verdict; the keys are unique, for `missing` and `ok` share nothing else."""
    middle, stranger = authority.intermediate(), Authority.create("Nobody's Root")
    day = timedelta(days=1)
    return {
        "ok": middle.issue([NAME]),
        "expired": authority.issue([NAME], not_before=NOW - 90 * day, not_after=NOW - day),
        "not_yet_valid": authority.issue([NAME], not_before=NOW + day, not_after=NOW + 90 * day),
        "hostname_mismatch": authority.issue(["other.test"]),
        "self_signed": self_signed([NAME]),
        "incomplete_chain": middle.issue([NAME], ca_issuers="http://ca.test/middle.cer").sending(),
        "unknown_authority": stranger.issue([NAME]),
    }


@pytest.fixture(scope="module")
def zoo(house: House, authority: Authority) -> Iterator[dict[str, tuple[int, Identity]]]:
    """Every verdict's server, registered: verdict to port and identity."""
    with ExitStack() as servers:
        watched = {}
        for verdict, identity in identities(authority).items():
            port = servers.enter_context(serve(identity)).port
            body = {"name": NAME, "port": port}
            house.client.post("/api/domains", json=body).raise_for_status()
            watched[verdict] = (port, identity)
        wait_for("every endpoint has a verdict", lambda: len(verdicts(house)) == len(watched))
        yield watched


def verdicts(house: House) -> dict[int, str]:
    """What REST says now, by port; one address answers, the other may refuse."""
    return {
        endpoint["port"]: endpoint["verdict"]
        for domain in house.items("/api/domains")
        for endpoint in domain["state"]["endpoints"]
        if endpoint["verdict"]
    }


def test_each_server_gets_its_verdict(house: House, zoo: dict[str, tuple[int, Identity]]) -> None:
    assert verdicts(house) == {port: verdict for verdict, (port, _) in zoo.items()}


def test_metrics_show_the_verdict_and_the_dates_of_every_certificate(
    house: House, zoo: dict[str, tuple[int, Identity]]
) -> None:
    text = house.metrics()
    for verdict, (port, identity) in zoo.items():
        endpoint = f'domain="{NAME}",address="127.0.0.1",port="{port}"'
        assert f'vsa_endpoint_verdict{{{endpoint},verdict="{verdict}"}} 1' in text
        end = identity.certificate.not_valid_after_utc.timestamp()
        series = f'{endpoint},fingerprint_sha256="{identity.fingerprint}"'
        assert f"vsa_certificate_not_after_timestamp_seconds{{{series}}} {end:.0f}" in text


def test_an_expired_certificate_is_still_a_fact(
    house: House, zoo: dict[str, tuple[int, Identity]]
) -> None:
    fingerprint = zoo["expired"][1].fingerprint
    stored = house.get(f"/api/certificates/{fingerprint}")
    assert stored["sans"] == [NAME]


def test_a_probe_now_answers_with_the_outcome(
    house: House, zoo: dict[str, tuple[int, Identity]]
) -> None:
    port = zoo["ok"][0]
    (domain,) = [d for d in house.items("/api/domains") if d["port"] == port]
    answer = house.client.post(f"/api/domains/{domain['id']}/probe")
    assert answer.json()["outcome"] == "ok"
