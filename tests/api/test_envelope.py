from __future__ import annotations

import logging

import httpx
import pytest
from fastapi import FastAPI

from tests.api.conftest import connect


async def test_a_request_id_that_was_sent_comes_back(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/api/healthz", headers={"X-Request-ID": "deploy 7"})
    assert answer.headers["X-Request-ID"] == "deploy 7"


@pytest.mark.parametrize("given", [b"", b"x" * 65, b"tab\there", b"\xc3\xa9"])
async def test_a_request_id_is_made_where_none_that_is_usable_was_sent(
    stranger: httpx.AsyncClient, given: bytes
) -> None:
    answer = await stranger.get("/api/healthz", headers={b"X-Request-ID": given})
    assert len(answer.headers["X-Request-ID"]) == 32


@pytest.mark.parametrize(
    "path", ["/api/healthz", "/api/nodes", "/api/nowhere", "/api/openapi.json"]
)
async def test_every_answer_tells_a_browser_to_keep_and_frame_nothing(
    stranger: httpx.AsyncClient, path: str
) -> None:
    headers = (await stranger.get(path)).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"


async def test_no_foreign_page_may_read_an_answer(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/api/healthz", headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_an_unforeseen_error_is_a_problem_that_tells_nothing_but_where_to_look(
    app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    @app.get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError("a secret")

    async with connect(app) as client:
        answer = await client.get("/broken", headers={"X-Request-ID": "r1"})
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "r1" in answer.json()["detail"]
    assert "secret" not in answer.text
    assert ("api.envelope", logging.ERROR, "request r1 failed") in caplog.record_tuples
