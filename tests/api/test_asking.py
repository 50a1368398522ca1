from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict

import httpx
import pytest
import pytest_asyncio

from registry.session import Engine
from tests.api.collecting import FAILURE, answer_everything
from tests.registry.targets import value

NODE = {"name": "web-1", "docker_url": "unix:///run/docker.sock", "timeout": "100ms"}


@asynccontextmanager
async def collecting(engine: Engine, takes: float = 0.02) -> AsyncIterator[None]:
    task = asyncio.create_task(answer_everything(engine, takes))
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest_asyncio.fixture
async def collector(engine: Engine) -> AsyncIterator[None]:
    async with collecting(engine):
        yield


async def leased(engine: Engine) -> None:
    """Wait until a collector asks the one target there is."""
    async with asyncio.timeout(10):
        while True:
            async with engine.begin() as tx:
                if await value(tx, "SELECT lease_token FROM schedule"):
                    return
            await asyncio.sleep(0.02)


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


@pytest_asyncio.fixture
async def slow_collector(engine: Engine) -> AsyncIterator[None]:
    async with collecting(engine, takes=0.3):
        yield


@pytest.mark.usefixtures("slow_collector")
async def test_wishes_that_come_faster_than_the_node_answers_are_all_answered(
    writer: httpx.AsyncClient,
) -> None:
    await writer.post("/api/nodes", json=NODE)
    wishes: list[asyncio.Task[httpx.Response]] = []
    async with asyncio.timeout(5):
        while not wishes or not wishes[0].done():
            wishes.append(asyncio.create_task(writer.post("/api/nodes/web-1/scrape")))
            await asyncio.sleep(0.1)
    assert {answer.status_code for answer in await asyncio.gather(*wishes)} == {200}


@pytest.mark.usefixtures("slow_collector")
async def test_a_wish_is_answered_by_a_probe_that_began_after_it(
    engine: Engine, writer: httpx.AsyncClient
) -> None:
    await writer.post("/api/nodes", json=NODE)
    await leased(engine)
    answer = await writer.post("/api/nodes/web-1/scrape")
    assert answer.json()["node"]["state"]["consecutive_failures"] == 2


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
