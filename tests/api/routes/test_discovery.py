from __future__ import annotations

import httpx
import pytest

from registry.audit import Actor
from registry.nodes import NodeSpec, create_node
from registry.session import Engine, database_now
from registry.settings import Settings, read_settings


@pytest.fixture
def settings() -> Settings:
    return read_settings({"VSA_EXPORTER_ADVERTISE": "vsa.example:9477"})


async def create(client: httpx.AsyncClient, **fields: object) -> None:
    node = {"name": "web-1", "docker_url": "unix:///run/docker.sock"}
    assert (await client.post("/api/nodes", json=node | fields)).status_code == 201


async def test_a_node_is_a_target_of_its_own_at_the_exporter(writer: httpx.AsyncClient) -> None:
    await create(writer, labels={"site": "berlin"})
    answer = await writer.get("/api/sd/nodes")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == [
        {
            "targets": ["vsa.example:9477"],
            "labels": {
                "instance": "web-1",
                "node": "web-1",
                "__metrics_path__": "/metrics/nodes/web-1",
                "__scrape_interval__": "15s",
                "__scrape_timeout__": "10s",
                "__meta_vsa_label_site": "berlin",
            },
        }
    ]


@pytest.mark.parametrize(("interval", "time_out"), [("5s", "5s"), ("2m", "10s")])
async def test_the_scrape_time_out_never_exceeds_the_interval(
    writer: httpx.AsyncClient, interval: str, time_out: str
) -> None:
    await create(writer, interval=interval)
    (group,) = (await writer.get("/api/sd/nodes")).json()
    assert group["labels"]["__scrape_interval__"] == interval
    assert group["labels"]["__scrape_timeout__"] == time_out


async def test_a_disabled_node_is_left_out(writer: httpx.AsyncClient) -> None:
    await create(writer, enabled=False)
    assert (await writer.get("/api/sd/nodes")).json() == []


async def test_more_nodes_than_a_page_holds_are_all_there(
    engine: Engine, reader: httpx.AsyncClient
) -> None:
    async with engine.begin() as tx:
        now = await database_now(tx)
        for number in range(501):
            spec = NodeSpec(f"n{number:03}", "unix:///run/docker.sock")
            await create_node(tx, spec, Actor("test"), now)
    groups = (await reader.get("/api/sd/nodes")).json()
    assert [group["labels"]["node"] for group in groups] == [f"n{n:03}" for n in range(501)]
