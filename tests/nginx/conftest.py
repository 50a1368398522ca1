"""One NGINX before the real API and exporter, one whose both upstreams tell what reached them."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.house import House
from tests.nginx.echo import echoing
from tests.parts.nginx import DOMAIN, NAME, PASSWORD, PROXY_TOKEN, Nginx, shipped_nginx
from tests.parts.ports import free_port
from tests.parts.postgres import Server, migrated_database

API, GRAFANA = "dashboard-api:8000", "dashboard-ui:3000"
BASIC = httpx.BasicAuth(NAME, PASSWORD)
# Tests ask faster than people.
UNHURRIED = [("rate=10r/s", "rate=1000r/s"), ("rate=5r/s", "rate=1000r/s")]


def connect(nginx: Nginx) -> httpx.Client:
    """A client that takes NGINX for the domain, and sends nothing of its own that matters."""
    trust = ssl.create_default_context(cafile=str(nginx.folder / "bundle.pem"))
    return httpx.Client(base_url=nginx.url, verify=trust, headers={"Host": DOMAIN}, timeout=20)


def ask(nginx: Nginx, method: str, path: str, **options: object) -> httpx.Response:
    """Ask once, on a connection of its own."""
    with connect(nginx) as client:
        extensions = {"sni_hostname": DOMAIN}
        return client.request(method, path, extensions=extensions, **options)  # type: ignore[arg-type]  # httpx's own


@pytest.fixture(scope="session")
def grafana() -> Iterator[str]:
    with echoing() as address:
        yield address


@pytest.fixture(scope="session")
def house(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    settings = {"VSA_PROXY_TOKEN": PROXY_TOKEN, "VSA_DASHBOARD_DOMAIN": DOMAIN}
    logs: Path = tmp_path_factory.mktemp("house")
    with migrated_database(server) as database:
        house = House(database, settings, logs)
        house.start("api", "exporter")
        yield house
        house.stop()


@pytest.fixture(scope="session")
def nginx(house: House, grafana: str) -> Iterator[Nginx]:
    """NGINX before the real API; Grafana is the one that echoes."""
    upstreams = {API: f"127.0.0.1:{house.api_port}", GRAFANA: grafana}
    with shipped_nginx(upstreams, UNHURRIED) as nginx:
        nginx.start()
        yield nginx


@pytest.fixture(scope="session")
def mirror(grafana: str) -> Iterator[Nginx]:
    """NGINX before two upstreams that echo."""
    with shipped_nginx({API: grafana, GRAFANA: grafana}, UNHURRIED) as nginx:
        nginx.start()
        yield nginx


@pytest.fixture(scope="session")
def lonely() -> Iterator[Nginx]:
    """NGINX whose upstreams are down; it starts all the same."""
    nowhere = f"127.0.0.1:{free_port()}"
    with shipped_nginx({API: nowhere, GRAFANA: nowhere}, UNHURRIED) as nginx:
        nginx.start()
        yield nginx
