from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from registry.observations import Recorder
from registry.session import Engine, database_now
from tests.registry.targets import add_node, container, die, node_facts, scrape

SECOND = 1_000_000_000


@pytest.fixture
async def seen(engine: Engine) -> None:
    """A node whose containers died: web an hour ago by the engine's clock, and job after it."""
    events = [die(1_000 * SECOND, "web"), die(2_000 * SECOND, "job", "oom")]
    async with engine.begin() as tx:
        now = await database_now(tx)
        await add_node(tx, "web-1", due_at=now)
        await scrape(tx, Recorder(), node_facts(container(), events=events), at=now)


@pytest.mark.usefixtures("seen")
async def test_events_are_listed_with_both_clocks_newest_first(reader: httpx.AsyncClient) -> None:
    (oom, dead) = (await reader.get("/api/events")).json()["items"]
    assert (oom["name"], oom["action"]) == ("job", "oom")
    assert (dead["node"], dead["name"], dead["exit_code"]) == ("web-1", "web", 137)
    assert dead["time"] == "1970-01-01T00:16:40Z"
    assert dead["recorded_at"] > "2026"


@pytest.mark.usefixtures("seen")
@pytest.mark.parametrize(
    ("query", "number"),
    [
        ({"action": "oom"}, 1),
        ({"name": "web"}, 1),
        ({"node": "web-2"}, 0),
        ({"since": "2020-01-01T00:00:00Z"}, 2),
        ({"until": "2020-01-01T00:00:00+01:00"}, 0),
        ({"limit": "1"}, 1),
    ],
)
async def test_filters_narrow_the_list(
    reader: httpx.AsyncClient, query: dict[str, str], number: int
) -> None:
    items = (await reader.get("/api/events", params=query)).json()["items"]
    assert len(items) == number


@pytest.mark.usefixtures("seen")
async def test_since_and_until_go_by_the_time_of_recording(
    reader: httpx.AsyncClient, engine: Engine
) -> None:
    async with engine.begin() as tx:
        hour_ago = await database_now(tx) - timedelta(hours=1)
    query = {"since": hour_ago.isoformat()}
    assert len((await reader.get("/api/events", params=query)).json()["items"]) == 2
