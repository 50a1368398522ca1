from __future__ import annotations

from collections.abc import Mapping

import httpx
import pytest
from fastapi import FastAPI

from api.app import make_app
from registry.session import Engine, database_now
from registry.settings import Settings, read_settings
from registry.tokens import Role, ensure_tokens, tokens_of
from tests.api.conftest import connect

NODE = {"name": "web-1", "docker_url": "unix:///run/docker.sock"}
PROXY = "the-proxy-s-token-of-the-tests"
PROVEN = {"X-VSA-Proxy": PROXY, "X-Real-IP": "192.0.2.7"}
ALICE = {"Authorization": f"Bearer {PROXY}", "X-VSA-User": "alice", **PROVEN}
OWN = "https://vsa.example.com"


@pytest.fixture
def settings() -> Settings:
    return read_settings({"VSA_PROXY_TOKEN": PROXY, "VSA_DASHBOARD_DOMAIN": "vsa.example.com"})


@pytest.fixture
async def app(engine: Engine, settings: Settings) -> FastAPI:
    async with engine.begin() as tx:
        await ensure_tokens(tx, tokens_of(settings), await database_now(tx))
    return make_app(engine, settings)


async def add_node(app: FastAPI, headers: Mapping[str, str]) -> httpx.Response:
    async with connect(app) as client:
        return await client.post("/api/nodes", json=NODE, headers=headers)


async def entries(reader: httpx.AsyncClient, action: str) -> list[dict[str, str]]:
    answer = await reader.get("/api/audit-logs", params={"action": action})
    items: list[dict[str, str]] = answer.json()["items"]
    return items


async def test_a_person_is_the_actor_at_the_address_that_the_proxy_names(
    app: FastAPI, reader: httpx.AsyncClient
) -> None:
    assert (await add_node(app, ALICE)).status_code == 201
    (entry,) = await entries(reader, "node.create")
    assert (entry["actor"], entry["address"]) == ("basic:alice", "192.0.2.7")


async def test_a_person_may_write_and_no_more(app: FastAPI) -> None:
    async with connect(app) as client:
        answer = await client.get("/api/tokens", headers=ALICE)
    assert answer.status_code == 403
    assert "basic:alice has write" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["", "a b", "alice\t", "ünal", "a" * 64, "basic:alice"])
async def test_the_proxy_s_token_without_a_proper_person_opens_nothing(
    app: FastAPI, name: str
) -> None:
    async with connect(app) as client:
        headers = ALICE | {"X-VSA-User": name}
        raw = {key.encode(): value.encode() for key, value in headers.items()}
        answer = await client.get("/api/nodes", headers=raw)
    assert answer.status_code == 403
    assert "X-VSA-User" in answer.json()["detail"]


async def test_with_any_other_token_the_person_counts_for_nothing(
    app: FastAPI, tokens: dict[Role, str], reader: httpx.AsyncClient
) -> None:
    bearer = {"Authorization": f"Bearer {tokens[Role.WRITE]}", "X-VSA-User": "alice"}
    await add_node(app, bearer | PROVEN)
    (entry,) = await entries(reader, "node.create")
    assert (entry["actor"], entry["address"]) == ("write-token", "192.0.2.7")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Real-IP": "192.0.2.7"},
        {"X-Real-IP": "192.0.2.7", "X-VSA-Proxy": ""},
        {"X-Real-IP": "192.0.2.7", "X-VSA-Proxy": "a-guess"},
        {"X-Forwarded-For": "192.0.2.7", "X-VSA-Proxy": PROXY},
        {"X-Real-IP": "no address", "X-VSA-Proxy": PROXY},
        {"X-VSA-Proxy": PROXY},
    ],
)
async def test_an_address_that_nobody_proved_is_the_peer_s(
    app: FastAPI,
    tokens: dict[Role, str],
    reader: httpx.AsyncClient,
    headers: dict[str, str],
) -> None:
    await add_node(app, {"Authorization": f"Bearer {tokens[Role.WRITE]}", **headers})
    (entry,) = await entries(reader, "node.create")
    assert entry["address"] == "127.0.0.1"


async def test_without_the_setting_nobody_is_the_proxy(
    engine: Engine, app: FastAPI, reader: httpx.AsyncClient
) -> None:
    forgetful = make_app(engine, read_settings({}))
    headers = {**ALICE, "X-VSA-Proxy": ""}
    assert (await add_node(forgetful, headers)).status_code == 201
    (entry,) = await entries(reader, "node.create")
    assert (entry["actor"], entry["address"]) == ("proxy", "127.0.0.1")


async def test_wrong_tokens_are_counted_by_the_client_s_address(
    app: FastAPI, reader: httpx.AsyncClient
) -> None:
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        wrong = {"Authorization": "Bearer guessed", **PROVEN, "X-Real-IP": address}
        await add_node(app, wrong)
    refused = await entries(reader, "auth.refused")
    assert [entry["address"] for entry in refused] == ["192.0.2.2", "192.0.2.1"]


# ---------------------------------------------------------------------------- pages of other sites


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": OWN},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": OWN, "Sec-Fetch-Site": "same-origin"},
    ],
)
async def test_a_change_with_a_password_from_our_own_page_is_made(
    app: FastAPI, headers: dict[str, str]
) -> None:
    assert (await add_node(app, ALICE | headers)).status_code == 201


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://vsa.example.com"},
    {"Origin": "https://vsa.example.com.evil.example"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": OWN, "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("headers", FOREIGN)
async def test_a_change_with_a_password_from_a_foreign_page_is_refused_and_recorded(
    app: FastAPI, reader: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await add_node(app, ALICE | headers)
    assert answer.status_code == 403
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "page of another site" in answer.json()["detail"]
    assert (await reader.get("/api/nodes")).json()["items"] == []
    (entry,) = await entries(reader, "auth.refused")
    assert entry["actor"] == "basic:alice"


@pytest.mark.parametrize("headers", FOREIGN)
async def test_what_changes_nothing_passes_from_anywhere(
    app: FastAPI, headers: dict[str, str]
) -> None:
    async with connect(app) as client:
        answer = await client.get("/api/nodes", headers=ALICE | headers)
    assert answer.status_code == 200


async def test_a_bearer_token_is_no_browser_s_doing(app: FastAPI, tokens: dict[Role, str]) -> None:
    bearer = {"Authorization": f"Bearer {tokens[Role.WRITE]}", "Origin": "https://evil.example"}
    assert (await add_node(app, bearer)).status_code == 201


async def test_without_a_domain_no_origin_is_our_own(engine: Engine, app: FastAPI) -> None:
    homeless = make_app(engine, read_settings({"VSA_PROXY_TOKEN": PROXY}))
    assert (await add_node(homeless, ALICE | {"Origin": OWN})).status_code == 403
