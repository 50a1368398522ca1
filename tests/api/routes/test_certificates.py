from __future__ import annotations

import ssl

import httpx
import pytest

from registry.session import Engine
from tests.registry.targets import add_domain, certificate, endpoint, later, look

# The stand-in's fingerprint is its name in hex, which makes these of a fingerprint's length.
SOON, LATE = "soon".ljust(32, "."), "late".ljust(32, ".")


@pytest.fixture
async def seen(engine: Engine) -> None:
    """A domain with two addresses, one of which shows a certificate that ends sooner."""
    async with engine.begin() as tx:
        await add_domain(tx, "example.org")
        await look(
            tx,
            endpoint("192.0.2.1", certificate(LATE)),
            endpoint("192.0.2.2", certificate(SOON, not_after=later(86400))),
        )


@pytest.mark.usefixtures("seen")
async def test_certificates_are_listed_by_their_end_with_where_they_are_served(
    reader: httpx.AsyncClient,
) -> None:
    (first, second) = (await reader.get("/api/certificates")).json()["items"]
    assert (first["subject"], second["subject"]) == (f"CN={SOON}", f"CN={LATE}")
    assert first["not_after"] == "2026-11-24T12:00:00Z"
    (serving,) = first["endpoints"]
    assert (serving["domain"], serving["address"], serving["port"]) == (
        "example.org",
        "192.0.2.2",
        443,
    )
    assert "der" not in first


@pytest.mark.usefixtures("seen")
async def test_what_ends_before_a_moment_can_be_asked_for(reader: httpx.AsyncClient) -> None:
    query = {"expires_before": "2026-12-01T00:00:00Z"}
    (found,) = (await reader.get("/api/certificates", params=query)).json()["items"]
    assert found["subject"] == f"CN={SOON}"


@pytest.mark.usefixtures("seen")
async def test_one_certificate_comes_with_its_bytes_as_pem(reader: httpx.AsyncClient) -> None:
    shown = (await reader.get(f"/api/certificates/{SOON.encode().hex()}")).json()
    assert ssl.PEM_cert_to_DER_cert(shown["pem"]) == SOON.encode()
    assert shown["fingerprint"] == SOON.encode().hex()


@pytest.mark.usefixtures("seen")
async def test_a_domain_shows_each_address_with_its_verdict(reader: httpx.AsyncClient) -> None:
    (domain,) = (await reader.get("/api/domains")).json()["items"]
    endpoints = domain["state"]["endpoints"]
    assert [shown["address"] for shown in endpoints] == ["192.0.2.1", "192.0.2.2"]
    assert {shown["verdict"] for shown in endpoints} == {"ok"}
