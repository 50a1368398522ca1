"""The exporter's HTTP application on a database of its own, and a hand that fills it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from exporter.program import make_app
from registry.session import Engine
from tests.exporter.watch import DEFAULTS, Watch


@pytest.fixture
def watch(engine: Engine) -> Watch:
    return Watch(engine)


@pytest.fixture
async def client(engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_app(engine, DEFAULTS))
    async with httpx.AsyncClient(transport=transport, base_url="http://exporter") as client:
        yield client
