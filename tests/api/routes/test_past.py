from __future__ import annotations

from datetime import datetime, timedelta

import httpx
import pytest

from registry.observations import Recorder
from registry.session import Engine, database_now
from tests.registry.targets import REFUSED, add_node, container, die, node_facts, scrape


@pytest.fixture
async def begun(engine: Engine) -> datetime:
    """A node that lost a container, restarted another and then went dark; returns when it was seen first."""
    async with engine.begin() as tx:
        at = await database_now(tx) - timedelta(minutes=10)
        await add_node(tx, "web-1", due_at=at)
        recorder = Recorder()
        await scrape(tx, recorder, node_facts(container(), container("db")), at)
        facts = node_facts(container(restart_count=1), events=[die(1_000_000_000)])
        await scrape(tx, recorder, facts, at + timedelta(seconds=15))
        await scrape(tx, recorder, REFUSED, at + timedelta(seconds=30))
    return at


def later(at: datetime, seconds: float) -> str:
    return (at + timedelta(seconds=seconds)).isoformat()


async def test_a_moment_shows_the_containers_of_then(
    reader: httpx.AsyncClient, begun: datetime
) -> None:
    query = {"at": later(begun, 5)}
    answer = (await reader.get("/api/nodes/web-1/containers", params=query)).json()
    assert (answer["node"], answer["unknown"]) == ("web-1", None)
    assert [item["name"] for item in answer["containers"]] == ["db", "web"]


async def test_now_is_unknown_while_the_node_is_dark_and_shows_what_was_last(
    reader: httpx.AsyncClient, begun: datetime
) -> None:
    answer = (await reader.get("/api/nodes/web-1/containers")).json()
    assert answer["unknown"]["reason"] == "refused"
    assert answer["unknown"]["unknown_until"] is None
    seen = datetime.fromisoformat(answer["unknown"]["unknown_from"])
    assert seen == begun + timedelta(seconds=15)
    assert [item["name"] for item in answer["containers"]] == ["web"]


async def test_changes_are_a_list_in_pages(reader: httpx.AsyncClient, begun: datetime) -> None:
    del begun
    first = (await reader.get("/api/nodes/web-1/changes", params={"limit": 3})).json()
    assert [item["change"] for item in first["items"]] == ["not_seen", "disappeared", "changed"]
    assert first["items"][2]["fields"] == {"restart_count": [0, 1]}
    query = {"limit": 3, "cursor": first["next"]}
    second = (await reader.get("/api/nodes/web-1/changes", params=query)).json()
    assert [item["change"] for item in second["items"]] == ["first_seen", "first_seen"]
    assert second["next"] is None


async def test_restarts_tell_of_one_container(reader: httpx.AsyncClient, begun: datetime) -> None:
    del begun
    query = {"container": "web"}
    (item,) = (await reader.get("/api/nodes/web-1/restarts", params=query)).json()["items"]
    assert (item["name"], item["exit_code"], item["unseen"]) == ("web", 137, 0)


@pytest.mark.parametrize("what", ["containers", "changes", "restarts"])
async def test_an_unknown_node_has_no_past(reader: httpx.AsyncClient, what: str) -> None:
    answer = await reader.get(f"/api/nodes/nobody/{what}")
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("containers", {"at": "9999-01-01T00:00:00Z"}, "at"),
        ("containers", {"at": "yesterday"}, "at"),
        ("changes", {"since": "9999-01-01T00:00:00Z"}, "since"),
        ("restarts", {"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "since"),
        ("changes", {"cursor": "x"}, "cursor"),
    ],
)
async def test_a_time_that_cannot_be_is_refused_by_name(
    reader: httpx.AsyncClient, begun: datetime, path: str, query: dict[str, str], field: str
) -> None:
    del begun
    answer = await reader.get(f"/api/nodes/web-1/{path}", params=query)
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]
