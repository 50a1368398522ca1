from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from registry.paging import encode_cursor

NODE = {"name": "web-1", "docker_url": "unix:///run/docker.sock"}
DOMAIN = {"name": "example.com"}
JSON = {"Content-Type": "application/json"}


def faults(answer: httpx.Response) -> dict[str, str]:
    """The fields at fault and their rules, of an answer that has the problem's form."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "errors"}
    assert body["status"] == answer.status_code
    return {fault["field"]: fault["rule"] for fault in body["errors"]}


async def audited(client: httpx.AsyncClient) -> list[str]:
    entries = (await client.get("/api/audit-logs")).json()["items"]
    return [entry["action"] for entry in entries if not entry["action"].startswith("token.")]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"name": "Über"}, "name"),
        ({"name": "web\x001"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"name": 1}, "name"),
        ({"name": None}, "name"),
        ({"docker_url": "http://10.0.0.1:2375"}, "docker_url"),
        ({"docker_url": "unix://relative"}, "docker_url"),
        ({"docker_url": "unix:///run/\x00.sock"}, "docker_url"),
        ({"labels": {"site-a": "x"}}, "labels"),
        ({"labels": {"site": "x\x00"}}, "labels"),
        ({"labels": {"site": 1}}, "labels.site"),
        ({"labels": []}, "labels"),
        ({"enabled": "yes"}, "enabled"),
        ({"interval": "5m"}, "interval"),
        ({"interval": 15}, "interval"),
        ({"timeout": "soon"}, "timeout"),
    ],
)
async def test_a_bad_node_is_refused_by_its_field_and_nothing_changes(
    writer: httpx.AsyncClient, change: dict[str, Any], field: str
) -> None:
    body = json.dumps(NODE | change)  # in ASCII, so that a lone surrogate can be sent
    answer = await writer.post("/api/nodes", content=body, headers=JSON)
    assert answer.status_code == 422
    assert set(faults(answer)) == {field}
    assert (await writer.get("/api/nodes")).json()["items"] == []
    assert await audited(writer) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "https://example.com"}, "name"),
        ({"name": "*.example.com"}, "name"),
        ({"name": "a b"}, "name"),
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
        ({"port": "443"}, "port"),
        ({"port": 443.5}, "port"),
        ({"port": 10**400}, "port"),
        ({"starttls": "telnet"}, "starttls"),
        ({"server_name": "-"}, "server_name"),
        ({"node": "nowhere"}, "node"),
        ({"container": "x\x00"}, "container"),
        ({"interval": "1y"}, "interval"),
    ],
)
async def test_a_bad_domain_is_refused_by_its_field_and_nothing_changes(
    writer: httpx.AsyncClient, change: dict[str, Any], field: str
) -> None:
    answer = await writer.post("/api/domains", json=DOMAIN | change)
    assert answer.status_code == 422
    assert set(faults(answer)) == {field}
    assert (await writer.get("/api/domains")).json()["items"] == []
    assert await audited(writer) == []


async def test_all_faults_of_a_body_come_at_once(writer: httpx.AsyncClient) -> None:
    answer = await writer.post("/api/nodes", json={"name": "X", "colour": "red"})
    assert set(faults(answer)) == {"name", "docker_url", "colour"}


async def test_an_unknown_field_and_a_missing_one_have_plain_rules(
    writer: httpx.AsyncClient,
) -> None:
    answer = await writer.post("/api/nodes", json={"name": "a", "colour": "red"})
    assert faults(answer) == {"docker_url": "required", "colour": "unknown_field"}


@pytest.mark.parametrize(
    "body",
    [b"{", b"\xff\xfe\xfd", b'{"name": "\xe9"}', b"[" * 60000, b'{"port": ' + b"1" * 5000 + b"}"],
)
async def test_a_body_that_is_no_json_in_utf_8_is_refused(
    writer: httpx.AsyncClient, body: bytes
) -> None:
    answer = await writer.post("/api/domains", content=body, headers=JSON)
    assert answer.status_code == 400
    assert faults(answer) == {"body": "json"}


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded"])
async def test_a_body_of_another_media_type_is_refused(
    writer: httpx.AsyncClient, media_type: str
) -> None:
    answer = await writer.post(
        "/api/nodes", content=b"name=a", headers={"Content-Type": media_type}
    )
    assert answer.status_code == 422
    assert faults(answer) == {"body": "object"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=ten", "limit"),
        ("cursor=forged", "cursor"),
        ("cursor=%00", "cursor"),
        ("label=site", "label"),
        ("enabled=perhaps", "enabled"),
        ("enbaled=true", "enbaled"),
        ("enabled=true&enabled=false", "enabled"),
    ],
)
async def test_a_bad_query_is_refused_by_its_parameter(
    reader: httpx.AsyncClient, query: str, field: str
) -> None:
    answer = await reader.get(f"/api/nodes?{query}")
    assert answer.status_code == 422
    assert set(faults(answer)) == {field}


@pytest.mark.parametrize(
    "path", ["nodes", "domains", "audit-logs", "events", "containers", "certificates"]
)
@pytest.mark.parametrize(
    "key",
    [(1 << 80,), (-(1 << 80),), ("\x00",), ("a", 1 << 80), ("\x00", 1), ("\x00",) * 3],
)
async def test_a_forged_cursor_never_reaches_the_database(
    reader: httpx.AsyncClient, path: str, key: tuple[str | int, ...]
) -> None:
    answer = await reader.get(f"/api/{path}", params={"cursor": encode_cursor(*key)})
    assert answer.status_code == 422
    assert set(faults(answer)) == {"cursor"}


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("nodes/%00", "name"),
        ("nodes/%C3%9C", "name"),
        ("domains/0", "id"),
        ("domains/x", "id"),
        (f"domains/{1 << 63}", "id"),
        ("certificates/00", "fingerprint"),
    ],
)
async def test_a_bad_path_is_refused_by_its_parameter(
    reader: httpx.AsyncClient, path: str, field: str
) -> None:
    answer = await reader.get(f"/api/{path}")
    assert answer.status_code == 422
    assert set(faults(answer)) == {field}


@pytest.mark.parametrize("query", ["node=%00", "since=yesterday", "until=0", "name=" + "x" * 257])
async def test_a_bad_filter_of_events_is_refused(reader: httpx.AsyncClient, query: str) -> None:
    answer = await reader.get(f"/api/events?{query}")
    assert answer.status_code == 422
    assert set(faults(answer)) == {query.partition("=")[0]}


@pytest.mark.parametrize(
    "path", ["nodes/web-1", "domains/1", f"certificates/{'0' * 64}", "nowhere", "nodes/"]
)
async def test_what_is_not_there_is_a_problem_too(reader: httpx.AsyncClient, path: str) -> None:
    answer = await reader.get(f"/api/{path}")
    assert answer.status_code == 404
    assert faults(answer) == {}


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("nodes", "GET, POST"), ("nodes/web-1", "GET, PATCH, DELETE"), ("healthz", "GET")],
)
async def test_a_method_that_a_path_has_not_is_answered_with_those_it_has(
    writer: httpx.AsyncClient, path: str, allowed: str
) -> None:
    answer = await writer.put(f"/api/{path}", json={})
    assert answer.status_code == 405
    assert faults(answer) == {}
    assert answer.headers["Allow"] == allowed
