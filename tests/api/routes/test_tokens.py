from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI

from tests.api.conftest import connect


async def create(admin: httpx.AsyncClient, role: str = "write") -> str:
    answer = await admin.post("/api/tokens", json={"name": "ci", "role": role})
    assert answer.status_code == 201
    clear: str = answer.json()["token"]
    return clear


async def test_a_new_token_is_shown_once_and_works(app: FastAPI, admin: httpx.AsyncClient) -> None:
    clear = await create(admin)
    async with connect(app, clear) as client:
        assert (await client.get("/api/nodes")).status_code == 200
    assert clear not in (await admin.get("/api/tokens")).text
    assert clear not in (await admin.get("/api/audit-logs")).text


async def test_tokens_are_listed_with_their_roles(admin: httpx.AsyncClient) -> None:
    body = (await admin.get("/api/tokens")).json()
    assert {token["name"]: token["role"] for token in body["items"]} == {
        "read-token": "read",
        "write-token": "write",
        "admin-token": "admin",
    }
    assert body["next"] is None


async def test_a_revoked_token_stops_working_and_stays_listed(
    app: FastAPI, admin: httpx.AsyncClient
) -> None:
    clear = await create(admin)
    assert (await admin.delete("/api/tokens/ci")).status_code == 204
    async with connect(app, clear) as client:
        assert (await client.get("/api/nodes")).status_code == 401
    items = (await admin.get("/api/tokens")).json()["items"]
    (revoked,) = (token for token in items if token["name"] == "ci")
    assert revoked["revoked_at"]


async def test_a_name_in_use_is_a_conflict(admin: httpx.AsyncClient) -> None:
    await create(admin)
    answer = await admin.post("/api/tokens", json={"name": "ci", "role": "read"})
    assert answer.status_code == 409
    assert [fault["field"] for fault in answer.json()["errors"]] == ["name"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"role": "root"}, "role"),
        ({"name": ""}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": "ü"}, "name"),
        ({"name": "a\x00"}, "name"),
        ({"x": 1}, "x"),
    ],
)
async def test_a_bad_token_is_refused_by_its_field(
    admin: httpx.AsyncClient, change: dict[str, object], field: str
) -> None:
    answer = await admin.post("/api/tokens", json={"name": "ci", "role": "read"} | change)
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]


async def test_a_token_that_is_not_there_is_not_found(admin: httpx.AsyncClient) -> None:
    assert (await admin.delete("/api/tokens/nobody")).status_code == 404
