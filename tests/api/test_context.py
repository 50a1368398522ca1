from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry.audit import Actor
from registry.nodes import NodeSpec, create_node, list_nodes
from registry.session import Engine, database_now
from registry.tokens import Role
from tests.api.conftest import URL

NODE = {"name": "web-1", "docker_url": "unix:///run/docker.sock"}


def at_the_head(app: FastAPI, act: Callable[[], Awaitable[None]]) -> ASGIApp:
    """The application, with something done just before the head of its answer goes out."""

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                await act()
            await send(message)

        await app(scope, receive, send_watched)

    return watched


def connect(app: ASGIApp, token: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL, headers=headers)


async def test_a_change_is_committed_before_it_is_acknowledged(
    app: FastAPI, engine: Engine, tokens: dict[Role, str]
) -> None:
    kept: list[int] = []

    async def count() -> None:
        async with engine.begin() as tx:
            kept.append(len((await list_nodes(tx, limit=10)).items))

    async with connect(at_the_head(app, count), tokens[Role.WRITE]) as client:
        answer = await client.post("/api/nodes", json=NODE)
    assert answer.status_code == 201
    assert kept == [1]


async def test_an_export_ends_at_its_head_though_the_trail_goes_on(
    app: FastAPI, engine: Engine, tokens: dict[Role, str]
) -> None:
    async def change() -> None:
        async with engine.begin() as tx:
            spec = NodeSpec("web-1", "unix:///run/docker.sock")
            await create_node(tx, spec, Actor("test"), await database_now(tx))

    async with connect(at_the_head(app, change), tokens[Role.READ]) as client:
        answer = await client.get("/api/audit-logs/export?format=ndjson")
    last = json.loads(answer.text.splitlines()[-1])
    assert last["hash"] == answer.headers["X-VSA-Audit-Head"]
