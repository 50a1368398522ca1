"""From a node that goes dark to the one message about it: all of the way, with the real programs.

The shipped rules and routes run with minutes made seconds, and what is held is held twice as long, for
a scrape may be late here; the heartbeat, which comes every 10 s, is missed after 12 s instead of 60.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from cli.alert_config import alertmanager_config
from cli.alert_receivers import read_receivers
from registry.settings import read_settings
from tests.cli.conftest import paper_engine
from tests.end_to_end.house import ROOT, TOKEN, House, wait_for
from tests.parts.alertmanager import Alertmanager, alertmanager
from tests.parts.engine_world import Box, World
from tests.parts.postgres import short_folder
from tests.parts.prometheus import Prometheus, prometheus
from tests.parts.sinks import Webhook, webhook
from tests.parts.tls import Authority, serve

NODE = "web-1"
_FOR = re.compile(r"(keep_firing_)?for: (\d+)m\b")


class Site:
    """A Docker host with two containers, and the domain that one of them serves."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        self._socket, self._identity = folder / "docker.sock", authority.issue(["localhost"])
        self._running = ExitStack()
        self.world, self.port = World(), 0
        self.world.run("shop", health="healthy")
        self.sick: Box = self.world.run("mail", health="unhealthy")

    def appear(self) -> str:
        """Begin to answer, at the same places each time; return the engine's URL."""
        server = self._running.enter_context(serve(self._identity, port=self.port))
        self.port = server.port
        return self._running.enter_context(paper_engine(self.world, self._socket))

    def go_dark(self) -> None:
        self._running.close()
        self._socket.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def site(authority: Authority) -> Iterator[Site]:
    with short_folder("vsa-site-") as folder:
        site = Site(folder, authority)
        yield site
        site.go_dark()


@pytest.fixture(scope="module")
def sink() -> Iterator[Webhook]:
    with webhook() as sink:
        yield sink


@dataclass(frozen=True, slots=True)
class Watch:
    """The product at work on the site, and where its messages arrive."""

    house: House
    server: Prometheus
    sink: Webhook

    def heard(self) -> list[tuple[str, str, str]]:
        """Return every alert of every message: its name, firing or resolved, and what it says."""
        return [
            (alert["labels"]["alertname"], alert["status"], alert["annotations"]["summary"])
            for message in self.sink.messages
            for alert in message["alerts"]
        ]

    def wait_to_hear(self, *names: str, status: str = "firing") -> None:
        wait_for(
            f"a message about {names}, {status}",
            lambda: {(name, status) for name in names} <= {one[:2] for one in self.heard()},
            40,
        )

    def wait_to_see(self, expression: str) -> None:
        wait_for(f"Prometheus sees {expression}", partial(self.server.query, expression), 40)


@pytest.fixture(scope="module")
def watch(
    house: House, site: Site, sink: Webhook, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watch]:
    folder = tmp_path_factory.mktemp("alerts")
    register(house, site)
    with (
        alertmanager(routes_in_seconds(sink), folder) as manager,
        prometheus(in_seconds(house, manager, folder), folder) as server,
    ):
        yield Watch(house, server, sink)


def register(house: House, site: Site) -> None:
    node = {"name": NODE, "docker_url": site.appear()}
    house.client.post("/api/nodes", json=node).raise_for_status()
    domain = {"name": "localhost", "port": site.port, "node": NODE, "container": "shop"}
    house.client.post("/api/domains", json=domain).raise_for_status()


def routes_in_seconds(sink: Webhook) -> str:
    settings = read_settings({"VSA_ALERT_WEBHOOK_URL": sink.url})
    config = json.loads(alertmanager_config(read_receivers(settings), None))
    assert (config["route"]["group_wait"], config["route"]["group_interval"]) == ("30s", "5m")
    config["route"] |= {"group_wait": "1s", "group_interval": "2s"}
    return json.dumps(config)


def in_seconds(house: House, manager: Alertmanager, folder: Path) -> str:
    """Copy the shipped rules and return the shipped configuration, pointed at these servers."""
    shutil.copytree(ROOT / "prometheus" / "rules", folder / "rules")
    for file in (folder / "rules").iterdir():
        text = _FOR.sub(_seconds, file.read_text(encoding="utf-8"))
        text = text.replace("seconds) > 60", "seconds) > 12")
        file.write_text(text, encoding="utf-8")
    (folder / "token").write_text(TOKEN)
    config = (ROOT / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    for shipped, here in {
        "dashboard-api:8000": f"127.0.0.1:{house.api_port}",
        "exporter:9477": f"127.0.0.1:{house.exporter_port}",
        "alertmanager:9093": manager.url.removeprefix("http://"),
        "/run/secrets/vsa_api_token": str(folder / "token"),
        "15s": "1s",
    }.items():
        assert shipped in config, shipped
        config = config.replace(shipped, here)
    return config


def _seconds(found: re.Match[str]) -> str:
    held, minutes = found[1] or "", int(found[2])
    return f"{held}for: {minutes * 2 if held else max(minutes, 3)}s"


def test_a_dark_node_is_one_message_and_one_when_it_is_back(watch: Watch, site: Site) -> None:
    watch.wait_to_hear("VsaContainerUnhealthy")
    site.go_dark()
    watch.wait_to_hear("VsaNodeUnreachable")
    # So long that the domain's own alert would have fired, and been sent.
    watch.wait_to_see("min_over_time(vsa_domain_consecutive_failures[8s]) >= 2")
    assert watch.server.query('ALERTS{alertname="VsaContainerUnhealthy",alertstate="firing"}')
    site.world.change(site.sick, health="healthy")
    site.appear()
    watch.wait_to_hear("VsaNodeUnreachable", "VsaContainerUnhealthy", status="resolved")
    sick, dark = "mail on web-1 fails its health check", "Node web-1 does not answer"
    assert sorted(watch.heard()) == [
        ("VsaContainerUnhealthy", "firing", sick),
        ("VsaContainerUnhealthy", "resolved", sick),
        ("VsaNodeUnreachable", "firing", dark),
        ("VsaNodeUnreachable", "resolved", dark),
    ]
    (message,) = (
        one for one in watch.sink.messages if dark in str(one) and one["status"] == "firing"
    )
    assert "Run `vsa node check web-1`" in message["commonAnnotations"]["description"]
    assert message["commonAnnotations"]["runbook_url"] == "docs/runbook.md#vsanodeunreachable"


def test_a_dead_collector_is_one_message_whatever_is_dark_besides(watch: Watch, site: Site) -> None:
    watch.sink.messages.clear()
    site.go_dark()
    watch.wait_to_hear("VsaNodeUnreachable")
    watch.house.kill("collector")
    watch.wait_to_hear("VsaCollectorDown")
    watch.wait_to_see('absent(ALERTS{alertname="VsaNodeUnreachable"})')
    site.appear()
    watch.house.start("collector")
    watch.wait_to_hear("VsaCollectorDown", status="resolved")
    told = [one[:2] for one in watch.heard()]
    assert told[:2] == [("VsaNodeUnreachable", "firing"), ("VsaCollectorDown", "firing")]
    assert told.count(("VsaCollectorDown", "firing")) == 1
    assert {name for name, _ in told} == {"VsaNodeUnreachable", "VsaCollectorDown"}
    assert ("VsaNodeUnreachable", "resolved") not in told[
        : told.index(("VsaCollectorDown", "resolved"))
    ]
