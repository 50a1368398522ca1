from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict

import httpx
import pytest
import pytest_asyncio

from registry.session import Engine
from tests.api.collecting import FAILURE, answer_everything

NODE = {"name": "web-1", "docker_url": "unix:///run/docker.sock", "timeout": "100ms"}


@pytest_asyncio.fixture
async def collector(engine: Engine) -> AsyncIterator[None]:
    task = asyncio.create_task(answer_everything(engine))
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.asking._MARGIN_SECONDS", 0.3)


@pytest.mark.usefixtures("collector")
async def test_a_scrape_answers_with_the_outcome(writer: httpx.AsyncClient) -> None:
    await writer.post("/api/nodes", json=NODE)
    answer = await writer.post("/api/nodes/web-1/scrape")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["outcome"], body["failure"]) == ("failure", asdict(FAILURE))
    assert body["node"]["state"]["last_attempt_at"]
    assert body["node"]["state"]["failure"] == body["failure"]


@pytest.mark.usefixtures("collector")
async def test_each_scrape_waits_for_an_attempt_of_its_own(writer: httpx.AsyncClient) -> None:
    await writer.post("/api/nodes", json=NODE)
    answers = [await writer.post("/api/nodes/web-1/scrape") for _ in range(3)]
    attempts = [answer.json()["node"]["state"]["last_attempt_at"] for answer in answers]
    assert sorted(set(attempts)) == attempts


@pytest.mark.usefixtures("collector")
async def test_a_probe_answers_with_the_outcome(writer: httpx.AsyncClient) -> None:
    made = await writer.post("/api/domains", json={"name": "example.com"})
    answer = await writer.post(f"/api/domains/{made.json()['id']}/probe")
    assert answer.status_code == 200
    assert answer.json()["failure"] == asdict(FAILURE)
    assert answer.json()["domain"]["name"] == "example.com"


@pytest.mark.usefixtures("impatient")
async def test_without_a_collector_the_answer_says_how_to_start_one(
    writer: httpx.AsyncClient,
) -> None:
    await writer.post("/api/nodes", json=NODE)
    answer = await writer.post("/api/nodes/web-1/scrape")
    assert answer.status_code == 504
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "`vsa collector`" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("kind", "body", "verb"),
    [("nodes", NODE, "scrape"), ("domains", {"name": "example.com"}, "probe")],
)
async def test_a_disabled_target_is_not_asked(
    writer: httpx.AsyncClient, kind: str, body: dict[str, object], verb: str
) -> None:
    made = await writer.post(f"/api/{kind}", json=body | {"enabled": False})
    answer = await writer.post(f"{made.headers['Location']}/{verb}")
    assert answer.status_code == 409
    assert [fault["field"] for fault in answer.json()["errors"]] == ["enabled"]


@pytest.mark.parametrize("path", ["nodes/web-1/scrape", "domains/1/probe"])
async def test_a_target_that_is_not_there_is_not_found(
    writer: httpx.AsyncClient, path: str
) -> None:
    assert (await writer.post(f"/api/{path}")).status_code == 404


async def test_who_may_only_read_may_not_ask(reader: httpx.AsyncClient) -> None:
    assert (await reader.post("/api/nodes/web-1/scrape")).status_code == 403
