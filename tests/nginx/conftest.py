"""One NGINX before the real API and exporter, one whose both upstreams tell what reached them."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
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
PROOF = f"Basic {b64encode(f'{NAME}:{PASSWORD}'.encode()).decode()}"
# Tests ask faster than people.
UNHURRIED = [
    ("rate=10r/s", "rate=1000r/s"),
    ("rate=20r/s", "rate=1000r/s"),
    ("rate=5r/s", "rate=1000r/s"),
    ("250ms", "1ms"),
]


def trust(nginx: Nginx) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(nginx.folder / "bundle.pem"))


def ask(
    nginx: Nginx,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    many: Sequence[tuple[str, str]] = (),
    auth: httpx.Auth | None = None,
    content: bytes | None = None,
) -> httpx.Response:
    """Ask once as the domain, on a connection of its own."""
    lines = [("Host", DOMAIN), *(headers or {}).items(), *many]
    with httpx.Client(base_url=nginx.url, verify=trust(nginx), timeout=20) as client:
        request = client.build_request(
            method, path, headers=lines, content=content, extensions={"sni_hostname": DOMAIN}
        )
        return client.send(request, auth=auth)


def connect(nginx: Nginx, name: str = DOMAIN) -> ssl.SSLSocket:
    """Open a TLS connection that says what a test wants, byte by byte."""
    wire = socket.create_connection(("127.0.0.1", nginx.ports["8443"]), timeout=20)
    return trust(nginx).wrap_socket(wire, server_hostname=name)


def send(nginx: Nginx, path: str, *lines: bytes, host: str = DOMAIN) -> bytes:
    """Send a GET with these very header lines; return the whole answer."""
    head = [f"GET {path} HTTP/1.1".encode("latin-1"), f"Host: {host}".encode(), *lines]
    with connect(nginx) as wire:
        wire.sendall(b"\r\n".join([*head, b"Connection: close", b"", b""]))
        return b"".join(iter(lambda: wire.recv(65536), b""))


@dataclass
class Live:
    """One end of a websocket, after the switch; `said` is the upstream's greeting."""

    wire: ssl.SSLSocket
    lines: BufferedReader
    said: str

    def say(self, line: str) -> str:
        """Send a line, and return what comes back."""
        self.wire.sendall(line.encode())
        return self.lines.readline().decode()


@contextmanager
def websocket(nginx: Nginx, *lines: str) -> Iterator[Live]:
    """Switch to a websocket as the person whose password is right."""
    head = [
        "GET /grafana/api/live/ws HTTP/1.1",
        f"Host: {DOMAIN}",
        "Connection: Upgrade",
        "Upgrade: WebSocket",
        f"Authorization: {PROOF}",
        *lines,
    ]
    with connect(nginx) as wire, wire.makefile("rb") as answer:
        wire.sendall("\r\n".join([*head, "", ""]).encode())
        status = answer.readline()
        assert b" 101 " in status, status
        while answer.readline().strip():
            pass
        yield Live(wire, answer, answer.readline().decode())


def curl(nginx: Nginx, path: str, *options: str) -> str:
    """Ask with curl, which speaks HTTP/2 too; return what it prints."""
    url = f"https://{DOMAIN}:{nginx.ports['8443']}{path}"
    resolve = ("--resolve", f"{DOMAIN}:{nginx.ports['8443']}:127.0.0.1")
    command = ["curl", "-sS", "--cacert", str(nginx.folder / "bundle.pem"), *resolve]
    said = subprocess.run([*command, *options, url], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    return said.stdout


def received(answer: str) -> dict[str, list[str]]:
    """The headers that reached an upstream that echoes: each name with all its values."""
    found: dict[str, list[str]] = {}
    for name, value in json.loads(answer)["headers"]:
        found.setdefault(name, []).append(value)
    return found


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
