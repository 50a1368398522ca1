"""The application on a real database, and a client for each role."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from api.app import make_app
from registry.audit import Actor
from registry.session import Engine, database_now
from registry.settings import Settings, read_settings
from registry.tokens import Role, create_token

URL = "http://vsa.test"


@pytest.fixture
def settings() -> Settings:
    return read_settings({})


@pytest.fixture
def app(engine: Engine, settings: Settings) -> FastAPI:
    return make_app(engine, settings)


@pytest_asyncio.fixture
async def tokens(engine: Engine) -> dict[Role, str]:
    async with engine.begin() as tx:
        now = await database_now(tx)
        made = {
            role: await create_token(tx, f"{role}-token", role, Actor("test"), now) for role in Role
        }
    return {role: clear for role, (_, clear) in made.items()}


def connect(app: FastAPI, token: str | None = None) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url=URL, headers=headers, timeout=30
    )


@pytest_asyncio.fixture
async def reader(app: FastAPI, tokens: dict[Role, str]) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(app, tokens[Role.READ]) as client:
        yield client


@pytest_asyncio.fixture
async def writer(app: FastAPI, tokens: dict[Role, str]) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(app, tokens[Role.WRITE]) as client:
        yield client


@pytest_asyncio.fixture
async def admin(app: FastAPI, tokens: dict[Role, str]) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(app, tokens[Role.ADMIN]) as client:
        yield client


@pytest_asyncio.fixture
async def stranger(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(app) as client:
        yield client
