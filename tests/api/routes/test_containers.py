from __future__ import annotations

import httpx
import pytest

from registry.facts.containers import ContainerState, Port
from registry.observations import Recorder
from registry.session import Engine
from tests.registry.targets import NOW, add_node, container, node_facts, scrape


@pytest.fixture
async def seen(engine: Engine) -> None:
    """A node with one container that runs and one that has stopped."""
    web = container("web", ports=(Port(80, "tcp", 8080, "0.0.0.0"),), labels={"team": "a"})
    job = container("job", state=ContainerState.EXITED, exit_code=3, finished_at=NOW)
    async with engine.begin() as tx:
        await add_node(tx, "web-1")
        await scrape(tx, Recorder(), node_facts(web, job))


@pytest.mark.usefixtures("seen")
async def test_a_container_is_shown_flat_with_its_node_and_since_when(
    reader: httpx.AsyncClient,
) -> None:
    (shown,) = (await reader.get("/api/containers?state=running")).json()["items"]
    assert (shown["node"], shown["name"], shown["state"]) == ("web-1", "web", "running")
    assert shown["seen_from"] == "2026-11-23T12:00:00Z"
    assert shown["labels"] == {"team": "a"}
    (port,) = shown["ports"]
    assert (port["private_port"], port["public_port"]) == (80, 8080)


@pytest.mark.usefixtures("seen")
async def test_a_container_that_stopped_is_shown_with_its_exit_code(
    reader: httpx.AsyncClient,
) -> None:
    (shown,) = (await reader.get("/api/containers?state=exited")).json()["items"]
    assert (shown["name"], shown["exit_code"]) == ("job", 3)
    assert shown["finished_at"] == "2026-11-23T12:00:00Z"


@pytest.mark.usefixtures("seen")
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["job", "web"]),
        ("?node=web-1&name=web", ["web"]),
        ("?node=web-2", []),
        ("?limit=1", ["job"]),
    ],
)
async def test_filters_narrow_the_list(
    reader: httpx.AsyncClient, query: str, names: list[str]
) -> None:
    items = (await reader.get(f"/api/containers{query}")).json()["items"]
    assert [shown["name"] for shown in items] == names


@pytest.mark.usefixtures("seen")
async def test_a_page_ends_where_the_next_begins(reader: httpx.AsyncClient) -> None:
    first = (await reader.get("/api/containers?limit=1")).json()
    query = {"limit": "1", "cursor": first["next"]}
    second = (await reader.get("/api/containers", params=query)).json()
    assert ([shown["name"] for shown in second["items"]], second["next"]) == (["web"], None)


@pytest.mark.usefixtures("seen")
async def test_a_node_counts_its_containers_by_state(reader: httpx.AsyncClient) -> None:
    state = (await reader.get("/api/nodes/web-1")).json()["state"]
    assert state["containers"] == {"running": 1, "exited": 1}
    assert state["engine"]["version"] == "29.0"


async def test_a_state_that_is_none_is_refused(reader: httpx.AsyncClient) -> None:
    assert (await reader.get("/api/containers?state=sleeping")).status_code == 422
