"""A real Prometheus finds a node by http_sd and scrapes a real exporter, as the shipped file says."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from registry.session import Engine
from tests.exporter.running import running_exporter
from tests.exporter.things import SHOP, SHOP_SAMPLE
from tests.exporter.watch import Watch, scraped
from tests.parts.postgres import Database
from tests.parts.prometheus import Prometheus, prometheus

_SECONDS = 30.0


@contextmanager
def discovery(exporter: str) -> Iterator[str]:
    """Answer http_sd as the API does, for one node; yields where."""
    labels = {
        "instance": "web-1",
        "node": "web-1",
        "__metrics_path__": "/metrics/nodes/web-1",
        "__scrape_interval__": "1s",
        "__scrape_timeout__": "1s",
        "__meta_vsa_label_role": "edge",
    }
    body = json.dumps([{"targets": [exporter], "labels": labels}]).encode()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = (
                self.path == "/api/sd/nodes" and self.headers["Authorization"] == "Bearer secret"
            )
            self.send_response(200 if known else 401)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@dataclass(frozen=True, slots=True)
class Scraped:
    """A Prometheus at work, and when the numbers it sees were received."""

    server: Prometheus
    received_at: float

    def wait_for(self, expression: str) -> tuple[dict[str, str], float]:
        """Return the labels and the value of the one series that `expression` gives, once it does."""
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            if result := self.server.query(expression):
                ((labels, value),) = result
                return labels, value
            time.sleep(0.1)
        raise AssertionError(f"not within {_SECONDS:g} s: {expression}")


@pytest.fixture
async def scrape(
    engine: Engine, database: Database, shipped: Path, tmp_path: Path
) -> AsyncIterator[Scraped]:
    watch = Watch(engine)
    await watch.add_node("web-1")
    sample = replace(SHOP_SAMPLE, received_at=round(datetime.now(UTC).timestamp() - 2, 3))
    await watch.answer_nodes(scraped(SHOP, samples=(sample,)))
    config = (shipped / "prometheus.yml").read_text(encoding="utf-8").replace("15s", "1s")
    with (
        running_exporter(database.url, tmp_path / "exporter.log") as exporter,
        discovery(exporter.address) as api,
    ):
        config = config.replace("exporter:9477", exporter.address)
        config = config.replace("dashboard-api:8000", api)
        with prometheus(config, shipped) as server:
            yield Scraped(server, sample.received_at)


async def test_a_number_is_stored_at_the_time_of_its_receipt(scrape: Scraped) -> None:
    labels, value = scrape.wait_for('container_memory_usage_bytes{name="shop"}')
    assert value == SHOP_SAMPLE.memory_usage_bytes
    assert labels["instance"] == labels["node"] == "web-1"
    assert labels["node_role"] == "edge"
    assert labels["container_label_com_docker_compose_project"] == "shop"
    _, at = scrape.wait_for('timestamp(container_memory_usage_bytes{name="shop"})')
    assert at == scrape.received_at


async def test_the_fleet_and_the_node_are_scraped_without_a_complaint(scrape: Scraped) -> None:
    assert scrape.wait_for('vsa_node_up{node="web-1"}')[1] == 1
    assert scrape.wait_for('up{job="vsa"} == 1')[1] == 1
    assert scrape.wait_for('up{job="vsa-nodes"} == 1')[0]["instance"] == "web-1"
    assert scrape.wait_for('ALERTS{alertname="VsaCollectorDown"}')[0]["alertstate"] == "pending"
