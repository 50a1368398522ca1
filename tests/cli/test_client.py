from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from cli.client import Api, api_url, trust_for
from registry.settings import read_settings
from tests.cli.person import Home, Person
from tests.parts.tls import Authority, Server


@pytest.fixture
def api(home: Home) -> Iterator[Api]:
    settings = {k: v for k, v in home.environment.items() if k.startswith("VSA_")}
    with closing(Api(read_settings(settings))) as api:
        yield api


def test_a_list_is_read_page_by_page(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = api.items("/containers")
    monkeypatch.setattr("cli.client._PAGE", 2)
    assert api.items("/containers") == whole
    assert len(whole) == 3
    assert api.items("/containers", limit=1) == whole[:1]


def test_a_token_that_the_api_does_not_know_is_bad_input(home: Home) -> None:
    said = home.vsa("status", VSA_API_TOKEN="wrong-but-long-enough")
    assert said.code == 2
    assert "does not know VSA_API_TOKEN" in said.err


def test_without_any_token_it_says_where_one_is_looked_for(home: Home, person: Person) -> None:
    said = person.vsa("status", VSA_API_URL=f"http://127.0.0.1:{home.api_port}")
    assert said.code == 2
    assert "set VSA_API_TOKEN (there is none in" in said.err


def test_another_program_at_the_address_is_not_taken_for_the_api(home: Home) -> None:
    said = home.vsa("status", VSA_API_URL=f"http://127.0.0.1:{home.exporter_port}")
    assert said.code == 3
    assert "is not this API (HTTP 404)" in said.err


def test_a_proxy_of_the_environment_is_not_told_the_token(home: Home) -> None:
    assert home.vsa("node", "list", http_proxy="http://127.0.0.1:9", all_proxy="http://[::1]:9").out


def test_an_api_that_cannot_be_trusted_is_told_nothing(person: Person, good: Server) -> None:
    url = f"https://localhost:{good.port}"
    said = person.vsa("status", VSA_API_URL=url, VSA_TRUST_BUNDLE="", VSA_API_TOKEN="x" * 20)
    assert said.code == 3
    assert "certificate verify failed" in said.err


def test_a_company_s_own_authority_is_trusted_by_the_bundle(
    authority: Authority, tmp_path: Path
) -> None:
    bundle = str(authority.bundle_path(tmp_path))
    context = trust_for("https://vsa.example", read_settings({"VSA_TRUST_BUNDLE": bundle}))
    assert authority.certificate.public_bytes(Encoding.DER) in context.get_ca_certs(
        binary_form=True
    )


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"VSA_API_LISTEN": "0.0.0.0:81"}, "http://127.0.0.1:81"),
        ({"VSA_API_LISTEN": "[::]:81"}, "http://[::1]:81"),
        ({"VSA_API_LISTEN": "0.0.0.0:81", "VSA_API_URL": "https://vsa/"}, "https://vsa"),
    ],
)
def test_the_api_is_where_it_is_said_to_be_else_where_it_listens(
    environment: dict[str, str], url: str
) -> None:
    assert api_url(read_settings(environment)) == url
