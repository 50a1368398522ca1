"""The whole OpenAPI, held against the running API by schemathesis."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig

from api.app import make_app
from registry.session import make_engine
from registry.settings import read_settings
from tests.api.collecting import answer_everything
from tests.api.running import TOKEN, running_api
from tests.parts.postgres import Server, migrated_database

# A message framed wrongly is refused by the HTTP server; the application, and its contract, never see it.
FRAMING = ("content-length", "transfer-encoding")
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
CONFIG = {
    "generation": {"deterministic": True, "max-examples": 15},
    "checks": {
        # The registry's rules say more than a schema can: what is a socket path, a DNS name, a free name.
        "positive_data_acceptance": {"enabled": False},
    },
}
_unconnected = make_engine("postgresql://nowhere/nothing", program="test")
schema = schemathesis.openapi.from_dict(
    make_app(_unconnected, read_settings({})).openapi(),
    config=SchemathesisConfig.from_dict(CONFIG),
)


@contextmanager
def collecting(url: str) -> Iterator[None]:
    """Answer what the API asks for, in a thread of its own."""
    stop = threading.Event()

    async def collect() -> None:
        engine = make_engine(url, program="collector")
        task = asyncio.create_task(answer_everything(engine))
        while not stop.is_set() and not task.done():
            await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await engine.dispose()

    thread = threading.Thread(target=asyncio.run, args=(collect(),))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture(scope="module")
def url(server: Server) -> Iterator[str]:
    with (
        migrated_database(server) as database,
        running_api(database.url) as (_, url),
        collecting(database.url),
    ):
        yield url
        assert httpx.get(f"{url}/api/nodes", headers=AUTHORIZED).status_code == 200


@pytest.fixture
def seeded(url: str) -> str:
    """The URL of an API that holds the resource of the examples."""
    node = {"name": "web-1", "docker_url": "unix:///run/docker.sock"}
    httpx.post(f"{url}/api/nodes", json=node, headers=AUTHORIZED)
    return url


@schema.parametrize()
@settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_the_api_keeps_its_contract(case: schemathesis.Case[Any], seeded: str) -> None:
    for name in FRAMING:
        case.headers.pop(name, None)
    case.call_and_validate(base_url=seeded, headers=AUTHORIZED)
