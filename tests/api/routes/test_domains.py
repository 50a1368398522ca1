from __future__ import annotations

from typing import Any

import httpx
import pytest


async def create(client: httpx.AsyncClient, **fields: object) -> dict[str, Any]:
    answer = await client.post("/api/domains", json={"name": "example.com"} | fields)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_domain_is_created_with_what_was_sent_and_the_defaults(
    writer: httpx.AsyncClient,
) -> None:
    answer = await writer.post("/api/domains", json={"name": "example.com"})
    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/domains/{body['id']}"
    assert (body["port"], body["starttls"], body["server_name"]) == (443, "none", None)
    assert body["state"]["endpoints"] == []
    assert (await writer.get(answer.headers["Location"])).json() == body


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("EXAMPLE.com.", "example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
    ],
)
async def test_a_name_is_kept_in_one_spelling(
    writer: httpx.AsyncClient, name: str, stored: str
) -> None:
    assert (await create(writer, name=name))["name"] == stored


async def test_the_same_target_twice_is_a_conflict_and_another_server_name_is_not(
    writer: httpx.AsyncClient,
) -> None:
    await create(writer)
    again = await writer.post("/api/domains", json={"name": "Example.com"})
    assert again.status_code == 409
    assert [fault["field"] for fault in again.json()["errors"]] == ["name"]
    await create(writer, server_name="other.example.com")


async def test_a_domain_says_which_container_serves_it(writer: httpx.AsyncClient) -> None:
    node = {"name": "web-1", "docker_url": "unix:///run/docker.sock"}
    await writer.post("/api/nodes", json=node)
    served = {"node": "web-1", "container": "nginx", "container_port": 8443}
    assert served.items() <= (await create(writer, **served)).items()


async def test_a_patch_changes_what_it_names_and_null_brings_the_default_back(
    writer: httpx.AsyncClient,
) -> None:
    before = await create(writer, port=25, starttls="smtp", interval="6h")
    patch = {"port": None, "starttls": None, "interval": "12h"}
    answer = await writer.patch(f"/api/domains/{before['id']}", json=patch)
    assert answer.status_code == 200
    after = answer.json()
    assert (after["port"], after["starttls"], after["interval"]) == (443, "none", "12h")


async def test_a_patch_that_changes_nothing_does_nothing(writer: httpx.AsyncClient) -> None:
    before = await create(writer, name="bücher.example")
    answer = await writer.patch(f"/api/domains/{before['id']}", json={"name": "BÜCHER.example"})
    assert (answer.status_code, answer.json()) == (200, before)


async def test_a_patch_into_another_domain_is_a_conflict(writer: httpx.AsyncClient) -> None:
    await create(writer)
    other = await create(writer, port=8443)
    answer = await writer.patch(f"/api/domains/{other['id']}", json={"port": 443})
    assert answer.status_code == 409


@pytest.mark.parametrize(
    ("query", "ports"),
    [("enabled=false", [8443]), ("label=site=b", [443]), ("limit=1", [443]), ("", [443, 8443])],
)
async def test_filters_narrow_the_list(
    writer: httpx.AsyncClient, query: str, ports: list[int]
) -> None:
    await create(writer, labels={"site": "b"})
    await create(writer, port=8443, enabled=False)
    items = (await writer.get(f"/api/domains?{query}")).json()["items"]
    assert [domain["port"] for domain in items] == ports


async def test_a_deleted_domain_is_gone_and_its_deletion_recorded(
    writer: httpx.AsyncClient,
) -> None:
    made = await create(writer)
    path = f"/api/domains/{made['id']}"
    assert (await writer.delete(path)).status_code == 204
    assert (await writer.get(path)).status_code == 404
    assert (await writer.delete(path)).status_code == 404
    target = {"target": f"domain/{made['id']}"}
    entries = (await writer.get("/api/audit-logs", params=target)).json()["items"]
    assert [entry["action"] for entry in entries] == ["domain.delete", "domain.create"]
