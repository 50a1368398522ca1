from __future__ import annotations

import logging
from collections.abc import Mapping

import httpx
import pytest
from fastapi import FastAPI

from registry.audit import Actor
from registry.session import Engine, database_now
from registry.tokens import Role, revoke_token
from tests.api.conftest import connect

NODE = {"name": "web-1", "docker_url": "unix:///run/docker.sock"}
UNGUARDED = {"/api/healthz", "/api/readyz"}


async def refusals(reader: httpx.AsyncClient) -> list[Mapping[str, str]]:
    answer = await reader.get("/api/audit-logs", params={"action": "auth.refused"})
    items: list[Mapping[str, str]] = answer.json()["items"]
    return items


async def test_every_route_but_the_health_ones_wants_a_token(
    app: FastAPI, stranger: httpx.AsyncClient
) -> None:
    operations = [
        (method.upper(), path.replace("{id}", "1"))
        for path, methods in app.openapi()["paths"].items()
        for method in methods
        if path not in UNGUARDED
    ]
    assert len(operations) > 20
    for method, path in operations:
        answer = await stranger.request(method, path)
        assert (path, answer.status_code) == (path, 401)
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_missing_token_is_not_recorded(
    stranger: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    await stranger.get("/api/nodes")
    assert not await refusals(reader)


@pytest.mark.parametrize("header", ["Basic dXNlcjpwYXNz", "Bearer", "Bearer ", "token"])
async def test_credentials_of_another_kind_are_no_token(
    stranger: httpx.AsyncClient, header: str
) -> None:
    answer = await stranger.get("/api/nodes", headers={"Authorization": header})
    assert answer.status_code == 401


async def test_a_token_in_the_address_is_not_looked_at(
    stranger: httpx.AsyncClient, tokens: dict[Role, str]
) -> None:
    answer = await stranger.get("/api/nodes", params={"token": tokens[Role.ADMIN]})
    assert answer.status_code == 401


async def test_a_wrong_token_is_recorded_once_a_minute_and_never_shown(
    app: FastAPI, reader: httpx.AsyncClient
) -> None:
    async with connect(app, "vsa_guessed-wrongly") as client:
        answers = [await client.delete("/api/nodes/web-1") for _ in range(5)]
    assert {answer.status_code for answer in answers} == {401}
    assert 'error="invalid_token"' in answers[0].headers["WWW-Authenticate"]
    assert "guessed" not in answers[0].text
    (refusal,) = await refusals(reader)
    assert refusal["actor"] == "unknown"
    assert refusal["target"] == "DELETE /api/nodes/web-1"
    assert refusal["result"] == "refused"
    assert refusal["address"] == "127.0.0.1"
    assert "guessed" not in str(refusal)


async def test_each_thing_for_which_a_role_does_not_suffice_is_recorded_once_a_minute(
    reader: httpx.AsyncClient,
) -> None:
    asked = [("POST", "/api/nodes")] * 3 + [("DELETE", "/api/nodes/web-1"), ("POST", "/api/nodes")]
    answers = [
        await reader.request(method, path, json=NODE, headers={"X-Request-ID": f"r{number}"})
        for number, (method, path) in enumerate(asked)
    ]
    assert {answer.status_code for answer in answers} == {403}
    assert 'error="insufficient_scope"' in answers[0].headers["WWW-Authenticate"]
    assert "needs the role write" in answers[0].json()["detail"]
    recorded = await refusals(reader)
    assert [refusal["request_id"] for refusal in recorded] == ["r3", "r0"]
    assert {refusal["actor"] for refusal in recorded} == {"read-token"}


async def test_no_token_fills_the_audit_trail_with_its_refusals(reader: httpx.AsyncClient) -> None:
    for number in range(110):
        assert (await reader.delete(f"/api/nodes/n{number}")).status_code == 403
    asked = {"action": "auth.refused", "limit": "200"}
    assert len((await reader.get("/api/audit-logs", params=asked)).json()["items"]) == 100


async def test_a_refused_change_changes_nothing(
    reader: httpx.AsyncClient,
) -> None:
    await reader.post("/api/nodes", json=NODE)
    assert (await reader.get("/api/nodes")).json()["items"] == []


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_tokens_are_for_administrators(writer: httpx.AsyncClient, method: str) -> None:
    answer = await writer.request(method, "/api/tokens", json={"name": "x", "role": "read"})
    assert answer.status_code == 403


async def test_a_revoked_token_is_refused(
    engine: Engine, app: FastAPI, tokens: dict[Role, str]
) -> None:
    async with engine.begin() as tx:
        await revoke_token(tx, "read-token", Actor("test"), await database_now(tx))
    async with connect(app, tokens[Role.READ]) as client:
        assert (await client.get("/api/nodes")).status_code == 401


async def test_a_path_with_anything_in_it_can_be_recorded(reader: httpx.AsyncClient) -> None:
    answer = await reader.delete("/api/nodes/%00%0d%0a%ff\u00fc" + "x" * 500)
    assert answer.status_code == 403
    (refusal,) = await refusals(reader)
    assert refusal["target"].isascii()
    assert len(refusal["target"]) <= 200


async def test_no_token_is_ever_logged(
    app: FastAPI, tokens: dict[Role, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for token in (tokens[Role.READ], "vsa_guessed-wrongly"):
        async with connect(app, token) as client:
            await client.post("/api/nodes", json=NODE)
    assert caplog.text
    assert tokens[Role.READ] not in caplog.text
    assert "guessed" not in caplog.text


async def test_an_odd_host_header_is_no_trouble(reader: httpx.AsyncClient) -> None:
    answer = await reader.post("/api/nodes", json=NODE, headers={"Host": "[::1"})
    assert answer.status_code == 403


async def test_an_entry_names_the_token_the_request_and_the_peer(
    writer: httpx.AsyncClient,
) -> None:
    forged = {"X-Request-ID": "r1", "X-Forwarded-For": "10.9.9.9", "X-VSA-User": "root"}
    await writer.post("/api/nodes", json=NODE, headers=forged)
    answer = await writer.get("/api/audit-logs", params={"action": "node.create"})
    (entry,) = answer.json()["items"]
    assert (entry["actor"], entry["request_id"]) == ("write-token", "r1")
    assert entry["address"] == "127.0.0.1"
