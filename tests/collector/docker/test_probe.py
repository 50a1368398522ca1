from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest

from registry.facts.containers import ContainerState
from registry.facts.outcomes import Failure, FailureReason
from tests.collector.docker.labs import Asker
from tests.parts.engine import StandIn, hang_up, kind_of, saying, serving
from tests.parts.engine_world import World

ALLOWED = re.compile(
    r"GET (/version|/v1\.\d+/(info|images/json|containers/json\?all=1|events\?since=[\d.]+&until=[\d.]+"
    r"|containers/[0-9a-f]{64}/(json|stats\?stream=0&one-shot=1)))"
)


def inspected(engine: StandIn) -> int:
    """How many inspections were asked for since the last look."""
    count = sum(bool(re.search(r"/[0-9a-f]{64}/json$", path)) for path in engine.requests)
    engine.requests.clear()
    return count


async def test_only_get_and_only_known_paths_are_asked(asker: Asker, stand_in: StandIn) -> None:
    stand_in.world.run("web")
    await asker.facts()
    await asker.facts()
    assert [request for request in stand_in.requests if not ALLOWED.fullmatch(request)] == []


async def test_the_second_scrape_inspects_nothing_that_did_not_change(
    asker: Asker, stand_in: StandIn
) -> None:
    for name in ("web", "db"):
        stand_in.world.run(name)
    await asker.facts()
    assert inspected(stand_in) == 2
    await asker.facts()  # the list's Status text has changed by now
    assert inspected(stand_in) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"state": "paused"},
        {"labels": {"a": "b"}},
        {"health": "unhealthy"},
        {"networks": ("other",)},
    ],
    ids=str,
)
async def test_a_changed_row_is_inspected_alone(
    asker: Asker, stand_in: StandIn, change: dict[str, object]
) -> None:
    web, _ = stand_in.world.run("web"), stand_in.world.run("db")
    before = {facts.name: facts for facts in (await asker.facts()).containers}
    inspected(stand_in)
    stand_in.world.change(web, **change)
    after = {facts.name: facts for facts in (await asker.facts()).containers}
    assert inspected(stand_in) == 1
    assert after["db"] is before["db"]
    assert after["web"] != before["web"]


async def test_a_start_without_a_word_shows_by_its_new_endpoint(
    asker: Asker, stand_in: StandIn
) -> None:
    web = stand_in.world.run("web")
    await asker.facts()
    stand_in.world.change(web, started_at="2026-11-23T00:51:25.1Z", restart_count=1)
    assert (await asker.container("web")).restart_count == 1


async def test_an_event_alone_makes_its_container_inspected(
    asker: Asker, stand_in: StandIn
) -> None:
    web, _ = stand_in.world.run("web"), stand_in.world.run("db")
    await asker.facts()
    inspected(stand_in)
    stand_in.world.tell(web, "update")
    await asker.facts()
    assert inspected(stand_in) == 1


async def test_an_inspection_that_finds_nothing_new_keeps_the_object(
    asker: Asker, stand_in: StandIn
) -> None:
    web = stand_in.world.run("web")
    before = await asker.container("web")
    stand_in.world.tell(web, "update")
    assert await asker.container("web") is before


async def test_lost_events_make_all_inspected(asker: Asker, stand_in: StandIn) -> None:
    for name in ("web", "db"):
        stand_in.world.run(name)
    await asker.facts()
    inspected(stand_in)
    stand_in.world.restart()
    assert (await asker.facts()).events_lost
    assert inspected(stand_in) == 2


async def test_a_new_connection_makes_all_inspected_and_the_version_asked(
    asker: Asker, stand_in: StandIn
) -> None:
    stand_in.world.run("web")
    await asker.facts()
    stand_in.requests.clear()
    stand_in.world.upgrade("29.1.0")
    stand_in.drop_connections()
    await asyncio.sleep(0.05)
    assert (await asker.facts()).engine.version == "29.1.0"
    assert inspected(stand_in) == 1


async def test_what_is_forgotten_is_inspected(asker: Asker, stand_in: StandIn) -> None:
    stand_in.world.run("web")
    await asker.facts()
    inspected(stand_in)
    asker.probe.forget(1)
    asker.probe.forget(2)
    await asker.facts()
    assert inspected(stand_in) == 1


async def test_a_node_that_moved_is_met_anew(
    asker: Asker, stand_in: StandIn, tmp_path: Path
) -> None:
    await asker.facts()
    other = StandIn(World("1.44", version="25.0.1"))
    async with serving(other, tmp_path / "other.sock") as url:
        asker.question = replace(asker.question, docker_url=url, cursor=None)
        assert (await asker.facts()).engine.version == "25.0.1"
    assert stand_in.url != url


async def test_a_container_removed_before_its_inspection_is_gone(
    asker: Asker, stand_in: StandIn
) -> None:
    stand_in.world.run("web")
    stand_in.mischief = {"inspect": saying(b'{"message": "no such container"}', "404 Not Found")}
    facts = await asker.facts()
    assert (facts.containers, facts.samples) == ((), ())


async def test_a_container_that_cannot_be_inspected_is_told_by_its_row(
    asker: Asker, stand_in: StandIn
) -> None:
    stand_in.world.run("web")
    stand_in.mischief = {"inspect": saying(b"{}", "500 Internal Server Error")}
    assert (await asker.container("web")).state is ContainerState.RUNNING
    stand_in.mischief = {}
    assert (await asker.container("web")).started_at


@pytest.mark.parametrize("status", ["404 Not Found", "409 Conflict", "500 Oops", "200 OK"])
async def test_stats_that_are_not_to_be_had_are_no_sample(
    asker: Asker, stand_in: StandIn, status: str
) -> None:
    stand_in.world.run("web")
    stand_in.mischief = {"stats": saying(b"\n", status)}
    facts = await asker.facts()
    assert len(facts.containers) == 1
    assert facts.samples == ()


async def test_nul_becomes_the_replacement_character(asker: Asker, stand_in: StandIn) -> None:
    stand_in.world.run("web", labels={"a\0b": "c\0d"})
    assert (await asker.container("web")).labels == {"a\ufffdb": "c\ufffdd"}


async def test_an_engine_that_closes_after_each_answer_is_read(
    asker: Asker, stand_in: StandIn
) -> None:
    async def answer_and_close(transport: asyncio.Transport, good: bytes) -> None:
        transport.write(good.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        transport.close()

    for name in ("web", "db", "cache"):
        stand_in.world.run(name)
    stand_in.mischief = dict.fromkeys(("list", "events", "inspect", "stats"), answer_and_close)
    assert len((await asker.facts()).samples) == 3


async def test_a_kept_connection_that_ends_unasked_costs_no_scrape(
    asker: Asker, stand_in: StandIn
) -> None:
    async def hang_up_once(transport: asyncio.Transport, good: bytes) -> None:
        stand_in.mischief = {}
        await hang_up(transport, good)

    await asker.facts()
    stand_in.mischief = {"list": hang_up_once}
    await asker.facts()
    assert stand_in.mischief == {}


async def test_the_cost_counts_requests_bytes_and_phases(asker: Asker, stand_in: StandIn) -> None:
    stand_in.world.run("web")
    cost = (await asker.facts()).cost
    assert cost.requests == 7  # version, info, list, events, inspect, images, stats
    assert cost.received_bytes > 1000
    phases = {"connect", "list", "events", "inspect", "images", "stats"}
    assert set(cost.phase_seconds) == phases
    assert (await asker.facts()).cost.requests == 3


async def test_the_cost_counts_our_cpu_and_not_the_engines_time(
    asker: Asker, stand_in: StandIn
) -> None:
    stand_in.world.run("web")
    stand_in.stats_delay = 0.3
    cost = (await asker.facts()).cost
    assert cost.cpu_seconds is not None
    assert 0 < cost.cpu_seconds < 0.3 < sum(cost.phase_seconds.values())


async def test_stopped_containers_cost_no_request(asker: Asker, stand_in: StandIn) -> None:
    stand_in.world.run("web")
    for number in range(300):
        stand_in.world.die(stand_in.world.run(f"job-{number}"), 0)
    await asker.facts()
    stand_in.requests.clear()
    assert len((await asker.facts()).containers) == 301
    assert [kind_of(request.removeprefix("GET ")) for request in stand_in.requests] == [
        "list",
        "events",
        "stats",
    ]


async def test_a_quick_engine_is_asked_over_one_connection(asker: Asker, stand_in: StandIn) -> None:
    for number in range(20):
        stand_in.world.run(f"web-{number}")
    await asker.facts()  # inspects all, over several
    async with asyncio.timeout(5):
        while len(stand_in.connections) > 1:
            await asyncio.sleep(0.01)
    kept = set(stand_in.connections)
    await asker.facts()
    assert set(stand_in.connections) == kept


async def test_an_old_engine_is_asked_for_all_stats_at_once(tmp_path: Path) -> None:
    engine = StandIn(World("1.41"), stats_delay=0.2)
    for number in range(20):
        engine.world.run(f"web-{number}")
    async with serving(engine, tmp_path / "old.sock") as url:
        asker = Asker(url)
        cost = (await asker.facts()).cost
        await asker.close()
    assert cost.phase_seconds["stats"] < 2  # one after the other: four seconds


@pytest.mark.parametrize(("newest", "oldest"), [("1.40", "1.12"), ("1.60", "1.53")])
async def test_an_engine_of_another_age_fails_by_version(
    asker: Asker, stand_in: StandIn, newest: str, oldest: str
) -> None:
    stand_in.world.api, stand_in.world.oldest_api = newest, oldest
    outcome = await asker.outcome()
    assert isinstance(outcome, Failure)
    assert outcome.reason is FailureReason.VERSION


async def test_a_newer_engine_is_spoken_to_in_the_newest_version_known(
    asker: Asker, stand_in: StandIn
) -> None:
    stand_in.world.api = "1.60"
    assert (await asker.facts()).engine.api_version == "1.60"
    assert any(request.startswith("GET /v1.52/info") for request in stand_in.requests)


async def test_events_too_large_to_read_are_lost_and_the_node_is_not(
    asker: Asker, stand_in: StandIn
) -> None:
    web = stand_in.world.run("web")
    await asker.facts()
    stand_in.world.clock_ahead_ns = 100_000_000_000
    for _ in range(200):
        stand_in.world.tell(web, "update", note="x" * 5000)
    stand_in.world.clock_ahead_ns = 200_000_000_000
    asker.question = replace(asker.question, max_bytes=64 << 10)
    assert (await asker.facts()).events_lost
    assert not (await asker.facts()).events_lost


async def test_a_node_not_asked_for_long_is_forgotten(asker: Asker, stand_in: StandIn) -> None:
    stand_in.world.run("web")
    await asker.facts()
    asker.probe._sweep(asyncio.get_running_loop().time() + 700)
    async with asyncio.timeout(5):
        while stand_in.connections:
            await asyncio.sleep(0.01)
    inspected(stand_in)
    await asker.facts()
    assert inspected(stand_in) == 1
