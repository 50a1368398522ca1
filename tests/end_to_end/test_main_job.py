"""A real engine from REST to Prometheus: what runs, what stopped, and what happened in between."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.collector.docker.labs import RealLab
from tests.end_to_end.house import ROOT, TOKEN, House, wait_for
from tests.parts.dockerd import dockerd
from tests.parts.prometheus import Prometheus, prometheus, promtool
from tests.parts.tls import Authority, serve

NODE, RARE = "engine", "rarely-asked"
EAT_MEMORY = "/bin/sh -c 'x=aaaaaaaaaaaaaaaa; while true; do x=$x$x; done'"


@pytest.fixture(scope="module")
def lab() -> Iterator[RealLab]:
    with dockerd() as engine:
        lab = RealLab(engine)
        lab.run("runs")
        lab.run("exits-3", exits=3)
        lab.start("sick", "/bin/sleep 3600", health="/bin/false", memory="32m")
        lab.run("comes-back", restart=True)
        yield lab


@pytest.fixture(scope="module")
def watched(house: House, lab: RealLab) -> House:
    """The engine as two nodes: one asked every second, one only when a test asks."""
    for name, interval in ((NODE, "1s"), (RARE, "2m")):
        body = {"name": name, "docker_url": lab.way.url, "interval": interval}
        house.client.post("/api/nodes", json=body).raise_for_status()
        wait_for(f"{name} is seen", partial(seen, house, name))
    lab.start("hungry", EAT_MEMORY, memory="6m")
    wait_for("the OOM kill is seen", lambda: is_oom_killed(house, "hungry"))
    wait_for("the failed check is seen", lambda: container(house, "sick")["health"] == "unhealthy")
    return house


def seen(house: House, node: str) -> bool:
    return bool(house.get(f"/api/nodes/{node}")["state"]["last_success_at"])


def is_oom_killed(house: House, name: str) -> bool:
    return any(c["oom_killed"] for c in house.items(f"/api/containers?node={NODE}&name={name}"))


def container(house: House, name: str, node: str = NODE) -> dict[str, Any]:
    (found,) = house.items(f"/api/containers?node={node}&name={name}")
    return found


def page(house: House, node: str = NODE) -> str:
    return house.metrics(f"/metrics/nodes/{node}")


def scrape(house: House, node: str) -> None:
    answer = house.client.post(f"/api/nodes/{node}/scrape").raise_for_status()
    assert answer.json()["outcome"] == "ok"


# ---------------------------------------------------------------------------- what is seen


def test_every_container_is_seen_in_its_state(watched: House) -> None:
    states = {c["name"]: c["state"] for c in watched.items(f"/api/containers?node={NODE}")}
    assert states == {
        "runs": "running",
        "exits-3": "exited",
        "sick": "running",
        "hungry": "exited",
        "comes-back": "running",
    }


def test_an_exit_code_is_kept_and_shown_of_a_container_that_stopped(watched: House) -> None:
    assert container(watched, "exits-3")["exit_code"] == 3
    assert series(page(watched), "vsa_container_exit_code", name="exits-3") == 3


def test_an_oom_kill_is_an_event_a_counter_and_a_state(watched: House) -> None:
    actions = {e["action"] for e in watched.items(f"/api/events?node={NODE}&name=hungry")}
    assert {"oom", "die"} <= actions
    counted = f'vsa_container_events_total{{node="{NODE}",name="hungry",event="oom"}}'
    assert counted in watched.metrics()


def test_numbers_of_running_containers_are_under_cadvisor_s_names(watched: House) -> None:
    wait_for("a sample", lambda: "container_memory_usage_bytes{" in page(watched))
    assert series(page(watched), "container_memory_usage_bytes", name="runs") > 0
    assert series(page(watched), "container_spec_memory_limit_bytes", name="sick") == 32 << 20


def test_both_pages_please_promtool(watched: House) -> None:
    for text in (watched.metrics(), page(watched)):
        judgement = promtool("check", "metrics", stdin=text)
        assert judgement.passed, judgement.text


def series(text: str, metric: str, *, name: str) -> float:
    """The value of the one series of a metric that a container has."""
    (line,) = [
        line
        for line in text.splitlines()
        if line.startswith(f"{metric}{{") and f'name="{name}"' in line
    ]
    return float(line.rpartition("}")[2].split()[0])


# ---------------------------------------------------------------------------- between two scrapes


def test_a_death_between_two_scrapes_is_stored_and_shown(watched: House, lab: RealLab) -> None:
    scrape(watched, RARE)
    before = container(watched, "comes-back", RARE)["restart_count"]
    lab.kill("comes-back")
    scrape(watched, RARE)
    assert container(watched, "comes-back", RARE)["restart_count"] == before + 1
    assert series(page(watched, RARE), "vsa_container_restarts", name="comes-back") == before + 1
    deaths = watched.items(f"/api/events?node={RARE}&name=comes-back&action=die")
    assert deaths[0]["exit_code"] == 137
    counted = f'vsa_container_events_total{{node="{RARE}",name="comes-back",event="die"}}'
    assert f"{counted} {len(deaths)}" in watched.metrics()


def test_a_filled_event_buffer_is_a_gap(watched: House, lab: RealLab) -> None:
    scrape(watched, RARE)
    lab.make_noise("runs", 300)
    scrape(watched, RARE)
    assert f'vsa_node_gaps_total{{node="{RARE}",kind="events"}} 1' in watched.metrics()


# ---------------------------------------------------------------------------- Prometheus


@pytest.fixture
def scraping(watched: House, tmp_path: Path) -> Iterator[Prometheus]:
    """A real Prometheus with the shipped configuration and rules, pointed at this house."""
    token = tmp_path / "token"
    token.write_text(TOKEN)
    config = (ROOT / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    for shipped, here in {
        "dashboard-api:8000": f"127.0.0.1:{watched.api_port}",
        "exporter:9477": f"127.0.0.1:{watched.exporter_port}",
        "/run/secrets/vsa_api_token": str(token),
        "rules/*.yml": str(ROOT / "prometheus" / "rules" / "*.yml"),
        "scrape_interval: 15s": "scrape_interval: 1s",
        "evaluation_interval: 15s": "evaluation_interval: 1s",
        "refresh_interval: 15s": "refresh_interval: 1s",
    }.items():
        assert shipped in config, shipped
        config = config.replace(shipped, here)
    with prometheus(config, tmp_path) as server:
        yield server


def test_prometheus_finds_the_node_and_the_expiry_alert_fires(
    scraping: Prometheus, house: House, authority: Authority
) -> None:
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    with serve(authority.issue(["localhost"], not_after=in_an_hour)) as server:
        body = {"name": "localhost", "port": server.port}
        house.client.post("/api/domains", json=body).raise_for_status()
        found = f'container_last_seen{{instance="{NODE}",name="runs"}}'
        wait_for("Prometheus has the node's samples", lambda: scraping.query(found))
        firing = (
            f'ALERTS{{alertname="VsaCertificateExpiring",alertstate="firing",port="{server.port}"}}'
        )
        wait_for("the expiry alert fires", lambda: scraping.query(firing), 110)
