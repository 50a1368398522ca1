from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from registry.audit_chain import AuditEntry, verify_chain

NODE = {"name": "web-1", "docker_url": "unix:///run/docker.sock"}
HEAD = "X-VSA-Audit-Head"


async def change_things(writer: httpx.AsyncClient) -> None:
    for name in ("web-1", "web-2", "web-3"):
        await writer.post("/api/nodes", json=NODE | {"name": name})
    await writer.patch("/api/nodes/web-1", json={"enabled": False})
    await writer.delete("/api/nodes/web-2")


async def listed(client: httpx.AsyncClient, **query: str) -> list[dict[str, Any]]:
    answer = await client.get("/api/audit-logs", params=query)
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_the_trail_is_listed_newest_first_page_by_page(writer: httpx.AsyncClient) -> None:
    await change_things(writer)
    everything = await listed(writer, limit="500")
    pages: list[dict[str, Any]] = []
    cursor: str | None = None
    while not pages or cursor:
        query = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = (await writer.get("/api/audit-logs", params=query)).json()
        pages += page["items"]
        cursor = page["next"]
    assert pages == everything
    assert [entry["id"] for entry in everything] == list(range(len(everything), 0, -1))


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ({"actor": "write-token"}, 5),
        ({"action": "node.create"}, 3),
        ({"target": "node/web-1"}, 2),
        ({"result": "refused"}, 0),
        ({"since": "2020-01-01T00:00:00Z", "action": "node.delete"}, 1),
        ({"until": "2020-01-01T00:00:00Z"}, 0),
    ],
)
async def test_filters_narrow_the_trail(
    writer: httpx.AsyncClient, query: dict[str, str], number: int
) -> None:
    await change_things(writer)
    assert len(await listed(writer, **query)) == number


@pytest.mark.parametrize("form", ["json", "ndjson"])
async def test_an_export_read_back_verifies_against_its_head(
    writer: httpx.AsyncClient, form: str
) -> None:
    await change_things(writer)
    answer = await writer.get("/api/audit-logs/export", params={"format": form})
    text = answer.text if form == "json" else f"[{','.join(answer.text.splitlines())}]"
    entries = TypeAdapter(list[AuditEntry]).validate_json(text)
    assert len(entries) > 5
    assert verify_chain(entries, answer.headers[HEAD]) is None
    entries[2] = replace(entries[2], actor="somebody else")
    broken = verify_chain(entries, answer.headers[HEAD])
    assert broken is not None
    assert broken.entry_id == entries[2].id


@pytest.mark.parametrize(
    ("form", "media_type"),
    [
        ("csv", "text/csv; charset=utf-8"),
        ("json", "application/json"),
        ("ndjson", "application/x-ndjson"),
    ],
)
async def test_an_export_is_a_file_with_a_name(
    writer: httpx.AsyncClient, form: str, media_type: str
) -> None:
    await change_things(writer)
    answer = await writer.get("/api/audit-logs/export", params={"format": form})
    last = (await listed(writer, limit="1"))[0]
    assert answer.headers["Content-Type"] == media_type
    name = f'attachment; filename="vsa-audit-{last["id"]}.{form}"'
    assert answer.headers["Content-Disposition"] == name
    assert answer.headers[HEAD] == last["hash"]


async def test_an_export_can_be_filtered(writer: httpx.AsyncClient) -> None:
    await change_things(writer)
    query = {"format": "json", "action": "node.create"}
    entries = (await writer.get("/api/audit-logs/export", params=query)).json()
    assert [entry["target"] for entry in entries] == ["node/web-1", "node/web-2", "node/web-3"]


async def test_an_export_of_another_format_is_refused(reader: httpx.AsyncClient) -> None:
    answer = await reader.get("/api/audit-logs/export", params={"format": "xlsx"})
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["errors"]] == ["format"]
