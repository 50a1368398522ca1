"""The product at work for a benchmark: its programs, PostgreSQL with fsync, Prometheus, what it watches."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from bench.engines import Fleet, fleet
from registry.embedded import EmbeddedServer, start_server
from registry.migrate import upgrade
from tests.end_to_end.house import ROOT, TOKEN, House
from tests.parts.postgres import Database
from tests.parts.prometheus import Prometheus, prometheus
from tests.parts.tls import Authority, serve

PROGRAMS = ("collector", "exporter", "api")
_CERTIFICATE = "-----BEGIN CERTIFICATE"
_PROMETHEUS = """
global: {{scrape_interval: {interval}, evaluation_interval: {interval}}}
rule_files: ["{rules}/*.yml"]
scrape_configs:
  - job_name: vsa
    static_configs: [{{targets: ["{exporter}"]}}]
  - job_name: vsa-nodes
    http_sd_configs:
      - url: {nodes}
        authorization: {{type: Bearer, credentials_file: {token}}}
"""


@contextmanager
def engines(
    folder: Path, authority: Authority, *, nodes: int, over_tls: int, containers: int
) -> Iterator[Fleet]:
    """Run stand-in engines, some of them over TLS with certificates of `authority`."""
    folder.mkdir()
    root = authority.bundle_path(folder).read_bytes()
    (folder / "server.pem").write_bytes(authority.issue(["127.0.0.1"]).pem() + root)
    with fleet(folder, nodes=nodes, over_tls=over_tls, containers=containers) as running:
        yield running


@contextmanager
def database(folder: Path) -> Iterator[EmbeddedServer]:
    """Run the embedded PostgreSQL with our tables."""
    server = start_server(folder)
    try:
        upgrade(server.owner_url, server.url)
        yield server
    finally:
        server.stop()


@contextmanager
def programs(folder: Path, server: EmbeddedServer, settings: Mapping[str, str]) -> Iterator[House]:
    """Run collector, exporter and API on a database."""
    known = Database("vsa", server.url, server.owner_url, "", "")
    house = House(known, {"VSA_SECRET_KEY": os.urandom(32).hex(), **settings}, folder)
    try:
        house.start(*PROGRAMS)
        yield house
    finally:
        house.stop()


def watch_nodes(house: House, urls: Mapping[str, str], authority: Authority) -> None:
    """Register nodes by name; those over TLS with a credential of `authority`."""
    key, mark, certificate = authority.issue(["collector"]).pem().decode().partition(_CERTIFICATE)
    root = authority.certificate.public_bytes(Encoding.PEM).decode()
    secret = {"kind": "tls", "ca": root, "certificate": mark + certificate, "key": key}
    _post(house, "/api/credentials", {"name": "fleet", "secret": secret})
    for name, url in urls.items():
        credential = {"credential": "fleet"} if url.startswith("tcp") else {}
        _post(house, "/api/nodes", {"name": name, "docker_url": url, **credential})


@contextmanager
def watch_domains(house: House, authority: Authority, number: int) -> Iterator[None]:
    """Serve TLS on one port and register it under so many server names."""
    chain = authority.intermediate()
    with serve(chain.issue(["*.bench.test"])) as server:
        for name in (f"d{place:05}.bench.test" for place in range(number)):
            address = {"name": server.address, "port": server.port, "server_name": name}
            _post(house, "/api/domains", address)
        yield


def _post(house: House, path: str, body: Mapping[str, object]) -> None:
    house.client.post(path, json=body).raise_for_status()


@contextmanager
def scraped(folder: Path, house: House) -> Iterator[Prometheus]:
    """Run a Prometheus with our rules that scrapes all pages at the nodes' interval."""
    folder.mkdir()
    (folder / "token").write_text(TOKEN)
    names = {
        "interval": house.environment["VSA_SCRAPE_INTERVAL"],
        "rules": ROOT / "prometheus" / "rules",
        "exporter": f"127.0.0.1:{house.exporter_port}",
        "nodes": house.api_url("/api/sd/nodes"),
        "token": folder / "token",
    }
    with prometheus(_PROMETHEUS.format(**names), folder) as running:
        yield running
