"""What only a real Docker engine can show: health checks, the OOM killer, its own restart."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator

import pytest

from registry.facts.containers import ContainerState, Health
from tests.collector.docker.labs import Asker, RealLab, wait_for
from tests.parts.dockerd import RealEngine


@pytest.fixture
def lab(docker_engine: RealEngine) -> Iterator[RealLab]:
    yield RealLab(docker_engine)
    docker_engine.remove_containers()


@pytest.fixture
async def asker(lab: RealLab) -> AsyncIterator[Asker]:
    asker = lab.way.asker()
    yield asker
    await asker.close()


async def test_a_failed_health_check_shows_and_its_noise_does_not(
    lab: RealLab, asker: Asker
) -> None:
    container = lab.start("sick", "/bin/sleep 3600", health="/bin/false")
    assert (await asker.container("sick")).health is Health.STARTING
    wait_for(container, lambda: container.health == "unhealthy")
    facts = await asker.facts()
    assert facts.containers[0].health is Health.UNHEALTHY
    assert [event.action for event in facts.events] == ["health_status: unhealthy"]


async def test_an_oom_kill_shows(lab: RealLab, asker: Asker) -> None:
    await asker.facts()
    greedy = "/bin/sh -c 'a=x; while true; do a=$a$a; done'"
    container = lab.start("greedy", greedy, memory="6m")
    wait_for(container, lambda: container.status == "exited")
    facts = await asker.facts()
    (killed,) = facts.containers
    assert (killed.oom_killed, killed.exit_code) == (True, 137)
    assert killed.limits.memory_bytes == 6 << 20
    assert {"oom", "die"} <= {event.action for event in facts.events}


async def test_cpu_and_memory_are_plausible(lab: RealLab, asker: Asker) -> None:
    lab.start("busy", "/bin/sh -c 'while true; do :; done'", memory="64m")
    (before,) = (await asker.facts()).samples
    time.sleep(1)  # noqa: ASYNC251 - work to be measured, not a wait for luck
    (after,) = (await asker.facts()).samples
    assert before.cpu_total_ns is not None
    assert after.cpu_total_ns is not None
    cores = (
        (after.cpu_total_ns - before.cpu_total_ns) / 1e9 / (after.received_at - before.received_at)
    )
    assert 0.02 < cores < 1.2
    assert after.memory_working_set_bytes is not None
    assert after.memory_usage_bytes is not None
    assert 0 < after.memory_working_set_bytes <= after.memory_usage_bytes < 64 << 20
    assert after.memory_failures == 0
    assert after.pids == 1


async def test_many_stats_of_an_old_engine_take_no_longer_than_one(
    lab: RealLab, asker: Asker
) -> None:
    for number in range(5):
        lab.run(f"web-{number}")
    for _ in range(2):
        facts = await asker.facts()
        assert len(facts.samples) == 5
        assert facts.cost.phase_seconds["stats"] < 4  # one after the other: five seconds


async def test_a_restarted_engine_shows_as_lost_events_and_all_is_inspected(
    lab: RealLab, asker: Asker, docker_engine: RealEngine
) -> None:
    lab.run("survivor")
    (before,) = (await asker.facts()).containers
    docker_engine.stop()
    docker_engine.start()
    facts = await asker.facts()
    assert facts.events_lost
    assert facts.containers == (before,)
    assert facts.containers[0].state is ContainerState.RUNNING
    assert not (await asker.facts()).events_lost


async def test_a_stopped_engine_fails_and_is_found_again(
    lab: RealLab, asker: Asker, docker_engine: RealEngine
) -> None:
    await asker.facts()
    docker_engine.stop()
    try:
        assert (await asker.failure()).reason in {"refused", "unreachable"}
    finally:
        docker_engine.start()
    await asker.facts()
