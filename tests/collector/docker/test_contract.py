"""What every engine must show of itself: stand-ins of three API versions, Docker, Podman."""

from __future__ import annotations

import asyncio

from registry.facts.containers import ContainerState
from registry.facts.nodes import DiskKind, EngineEvent, SwarmRole
from tests.collector.docker.labs import Asker, Lab


def told(events: tuple[EngineEvent, ...], action: str) -> list[EngineEvent]:
    return [event for event in events if event.action == action]


async def test_the_engine_says_what_it_is(lab_asker: Asker) -> None:
    engine = (await lab_asker.facts()).engine
    assert engine.engine_id
    assert engine.hostname
    assert engine.version
    assert engine.cpus > 0
    assert engine.memory_bytes > 1 << 20
    assert engine.swarm_role is SwarmRole.NONE
    assert all(warning.isprintable() for warning in engine.warnings)


async def test_a_running_container_is_described_and_measured(lab: Lab, lab_asker: Asker) -> None:
    lab.run("steady")
    facts = await lab_asker.facts()
    (container,) = facts.containers
    assert (container.name, container.state) == ("steady", ContainerState.RUNNING)
    assert container.image.endswith("busy:1")
    assert container.exit_code is None
    assert container.started_at
    assert container.created_at
    (sample,) = facts.samples
    assert sample.container_id == container.container_id
    assert sample.cpu_total_ns
    assert sample.memory_usage_bytes
    assert facts.received_at - 5 < sample.received_at <= facts.received_at


async def test_a_stopped_container_keeps_its_exit_code_and_has_no_sample(
    lab: Lab, lab_asker: Asker
) -> None:
    lab.run("broken", exits=3)
    facts = await lab_asker.facts()
    (container,) = facts.containers
    assert (container.state, container.exit_code) == (ContainerState.EXITED, 3)
    assert container.finished_at
    assert facts.samples == ()


async def test_first_sight_tells_no_old_events(lab: Lab, lab_asker: Asker) -> None:
    lab.run("old", exits=0)
    facts = await lab_asker.facts()
    assert facts.events == ()
    assert not facts.events_lost
    assert facts.cursor


async def test_a_container_that_came_back_by_itself_shows(lab: Lab, lab_asker: Asker) -> None:
    lab.run("phoenix", restart=True)
    before = await lab_asker.container("phoenix")
    lab.kill("phoenix")
    facts = await lab_asker.facts()
    (after,) = facts.containers
    (died,) = told(facts.events, "die")
    assert (died.name, died.container_id, died.exit_code) == ("phoenix", before.container_id, 137)
    assert after.restart_count == before.restart_count + 1
    assert after.state is ContainerState.RUNNING
    assert not facts.events_lost


async def test_an_event_is_told_once(lab: Lab, lab_asker: Asker) -> None:
    await lab_asker.facts()
    lab.run("once", exits=1)
    first = await lab_asker.facts()
    assert len(told(first.events, "die")) == 1
    again = await lab_asker.facts()
    assert again.events == ()
    assert again.cursor == first.cursor
    assert not again.events_lost


async def test_an_unchanged_container_is_the_same_object(lab: Lab, lab_asker: Asker) -> None:
    lab.run("rock", exits=0)
    (before,) = (await lab_asker.facts()).containers
    facts = await lab_asker.facts()
    assert facts.containers[0] is before
    assert facts.cost.requests == 2  # list and events: nothing was inspected


async def test_a_removed_container_is_gone(lab: Lab, lab_asker: Asker) -> None:
    lab.run("brief", exits=0)
    await lab_asker.facts()
    lab.remove("brief")
    facts = await lab_asker.facts()
    assert facts.containers == ()
    assert {event.action for event in facts.events} <= {"destroy", "remove"}


async def test_noise_is_not_told_but_read_past(lab: Lab, lab_asker: Asker) -> None:
    lab.run("chatty")
    before = await lab_asker.facts()
    lab.make_noise("chatty", 3)
    facts = await lab_asker.facts()
    assert facts.events == ()
    assert facts.containers[0] is before.containers[0]
    if lab.forgets:  # Podman tells of no exec that is only made
        assert facts.cursor != before.cursor


async def test_a_full_buffer_shows_as_lost_events(lab: Lab, lab_asker: Asker) -> None:
    lab.run("flooded")
    await lab_asker.facts()
    lab.make_noise("flooded", 300 if lab.forgets else 20)
    assert (await lab_asker.facts()).events_lost == lab.forgets
    assert not (await lab_asker.facts()).events_lost


async def test_a_buffer_not_quite_full_loses_nothing(lab: Lab, lab_asker: Asker) -> None:
    lab.run("busy")
    await lab_asker.facts()
    lab.make_noise("busy", 200 if lab.forgets else 20)
    assert not (await lab_asker.facts()).events_lost


async def test_images_are_asked_for_once_and_what_was_never_pulled_needs_no_digest(
    lab: Lab, lab_asker: Asker
) -> None:
    lab.run("imported")
    first = await lab_asker.container("imported")
    assert first.image_digest is None or first.image_digest.startswith("sha256:")
    again = await lab_asker.facts()
    assert again.containers[0] is first
    assert again.cost.requests == 3  # list, events, stats


async def test_a_disk_is_told_by_kinds(lab: Lab) -> None:
    lab.run("writer", exits=0)
    asker = lab.way.asker(disk_interval=3600.0)
    try:
        async with asyncio.timeout(20):
            while (disk := (await asker.facts()).disk) is None:
                await asyncio.sleep(0.02)
    finally:
        await asker.close()
    assert disk.failure is None
    assert disk.uses.keys() == set(DiskKind)
    assert disk.uses[DiskKind.IMAGES].total_bytes > 0
    assert disk.uses[DiskKind.CONTAINERS].count >= 1
