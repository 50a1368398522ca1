from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

NODE = {"name": "web-1", "docker_url": "unix:///run/docker.sock"}


async def create(client: httpx.AsyncClient, **fields: object) -> dict[str, Any]:
    answer = await client.post("/api/nodes", json=NODE | fields)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def actions(client: httpx.AsyncClient, target: str) -> list[str]:
    answer = await client.get("/api/audit-logs", params={"target": target})
    return [entry["action"] for entry in answer.json()["items"]]


async def test_a_node_is_created_with_what_was_sent_and_the_defaults(
    writer: httpx.AsyncClient,
) -> None:
    answer = await writer.post(
        "/api/nodes", json=NODE | {"labels": {"site": "b"}, "interval": "1m"}
    )
    assert answer.status_code == 201
    assert answer.headers["Location"] == "/api/nodes/web-1"
    body = answer.json()
    assert body["labels"] == {"site": "b"}
    assert (body["interval"], body["timeout"], body["enabled"]) == ("1m", None, True)
    assert body["created_at"].endswith("Z")
    assert body["state"]["last_attempt_at"] is None
    assert (await writer.get("/api/nodes/web-1")).json() == body


async def test_a_name_that_is_taken_is_a_conflict_named_by_its_field(
    writer: httpx.AsyncClient,
) -> None:
    await create(writer)
    answer = await writer.post("/api/nodes", json=NODE)
    assert answer.status_code == 409
    assert [fault["field"] for fault in answer.json()["errors"]] == ["name"]
    assert await actions(writer, "node/web-1") == ["node.create"]


async def test_of_fifty_creates_at_once_one_wins_and_the_rest_are_told(
    writer: httpx.AsyncClient,
) -> None:
    answers = await asyncio.gather(*(writer.post("/api/nodes", json=NODE) for _ in range(50)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 49}
    assert await actions(writer, "node/web-1") == ["node.create"]


async def test_nodes_are_listed_by_name_page_by_page_to_the_end(
    writer: httpx.AsyncClient,
) -> None:
    for number in (3, 1, 5, 2, 4):
        await create(writer, name=f"n{number}")
    names: list[list[str]] = []
    cursor: str | None = None
    while not names or cursor:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await writer.get("/api/nodes", params=query)).json()
        names.append([node["name"] for node in page["items"]])
        cursor = page["next"]
    assert names == [["n1", "n2"], ["n3", "n4"], ["n5"]]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("enabled=false", ["off"]),
        ("enabled=true", ["berlin", "paris"]),
        ("label=site=berlin", ["berlin"]),
        ("label=site=rome", []),
        ("label=site=berlin&enabled=false", []),
    ],
)
async def test_filters_narrow_the_list(
    writer: httpx.AsyncClient, query: str, names: list[str]
) -> None:
    await create(writer, name="berlin", labels={"site": "berlin"})
    await create(writer, name="paris", labels={"site": "paris"})
    await create(writer, name="off", enabled=False)
    items = (await writer.get(f"/api/nodes?{query}")).json()["items"]
    assert [node["name"] for node in items] == names


async def test_a_patch_changes_what_it_names_and_keeps_the_rest(writer: httpx.AsyncClient) -> None:
    before = await create(writer, labels={"site": "b", "tier": "x"}, interval="1m", timeout="5s")
    patch = {"labels": {"tier": None, "os": "debian"}, "interval": None, "enabled": False}
    answer = await writer.patch("/api/nodes/web-1", json=patch)
    assert answer.status_code == 200
    changed = {
        "labels": {"site": "b", "os": "debian"},
        "interval": None,
        "enabled": False,
        "updated_at": answer.json()["updated_at"],
    }
    assert answer.json() == before | changed


async def test_a_patch_may_come_as_the_media_type_of_merge_patches(
    writer: httpx.AsyncClient,
) -> None:
    await create(writer)
    answer = await writer.patch(
        "/api/nodes/web-1",
        content=b'{"enabled": false}',
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert answer.json()["enabled"] is False


async def test_a_patch_records_what_was_before_and_after(writer: httpx.AsyncClient) -> None:
    await create(writer)
    await writer.patch("/api/nodes/web-1", json={"enabled": False})
    (entry, _) = (await writer.get("/api/audit-logs?target=node/web-1")).json()["items"]
    assert (entry["action"], entry["result"]) == ("node.update", "ok")
    assert entry["before"]["enabled"] is True
    assert entry["after"]["enabled"] is False


async def test_a_node_can_be_renamed(writer: httpx.AsyncClient) -> None:
    await create(writer)
    answer = await writer.patch("/api/nodes/web-1", json={"name": "web-2"})
    assert answer.json()["name"] == "web-2"
    assert (await writer.get("/api/nodes/web-1")).status_code == 404


@pytest.mark.parametrize("patch", [{}, {"enabled": True}, NODE, {"labels": {"gone": None}}])
async def test_a_patch_that_changes_nothing_does_nothing(
    writer: httpx.AsyncClient, patch: dict[str, Any]
) -> None:
    before = await create(writer)
    answer = await writer.patch("/api/nodes/web-1", json=patch)
    assert (answer.status_code, answer.json()) == (200, before)
    assert await actions(writer, "node/web-1") == ["node.create"]


@pytest.mark.parametrize(
    ("patch", "status", "field"),
    [
        ({"name": None}, 422, "name"),
        ({"docker_url": None}, 422, "docker_url"),
        ({"colour": "red"}, 422, "colour"),
        ({"state": {}}, 422, "state"),
        ({"labels": {f"k{number}": "v" for number in range(33)}}, 422, "labels"),
        ({"name": "taken"}, 409, "name"),
    ],
)
async def test_a_bad_patch_is_refused_by_its_field_and_nothing_changes(
    writer: httpx.AsyncClient, patch: dict[str, Any], status: int, field: str
) -> None:
    await create(writer, name="taken")
    before = await create(writer)
    answer = await writer.patch("/api/nodes/web-1", json=patch)
    assert answer.status_code == status
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]
    assert (await writer.get("/api/nodes/web-1")).json() == before
    assert await actions(writer, "node/web-1") == ["node.create"]


async def test_patches_of_different_labels_at_once_are_all_kept(writer: httpx.AsyncClient) -> None:
    await create(writer)
    patches = [{"labels": {f"k{number}": "v"}} for number in range(10)]
    await asyncio.gather(*(writer.patch("/api/nodes/web-1", json=patch) for patch in patches))
    node = (await writer.get("/api/nodes/web-1")).json()
    assert len(node["labels"]) == 10


async def test_a_deleted_node_is_gone_and_its_deletion_recorded(writer: httpx.AsyncClient) -> None:
    await create(writer)
    answer = await writer.delete("/api/nodes/web-1")
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await writer.get("/api/nodes/web-1")).status_code == 404
    assert await actions(writer, "node/web-1") == ["node.delete", "node.create"]


async def test_a_node_that_a_domain_refers_to_is_kept(writer: httpx.AsyncClient) -> None:
    await create(writer)
    await writer.post("/api/domains", json={"name": "example.com", "node": "web-1"})
    answer = await writer.delete("/api/nodes/web-1")
    assert answer.status_code == 409
    assert (await writer.get("/api/nodes/web-1")).status_code == 200


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_a_node_that_is_not_there_is_not_found(
    writer: httpx.AsyncClient, method: str
) -> None:
    body = {"enabled": False} if method == "PATCH" else None
    answer = await writer.request(method, "/api/nodes/web-1", json=body)
    assert answer.status_code == 404
    assert "web-1" in answer.json()["detail"]
