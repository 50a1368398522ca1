"""A service that was deployed anew shows as an event, whichever engine and tool did it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry.facts.nodes import NodeFacts
from registry.observations import NodeResult, Recorder
from registry.partitions import create_partitions
from registry.schedule import claim_nodes
from registry.session import Connection
from tests.registry.targets import (
    DEFAULTS,
    NO_KEYS,
    NOW,
    add_node,
    container,
    fetch,
    later,
    node_facts,
)

DIGEST = "sha256:" + "cd" * 32
OLD = container("web", container_id="a" * 64, image="shop:1", image_id="sha256:1")
NEW = replace(OLD, container_id="b" * 64, image_id="sha256:2", image_digest=DIGEST)
CHANGES = """
    SELECT action, name, image, container_id, recorded_at FROM events
    WHERE action = 'image_changed' ORDER BY id
"""


@pytest.fixture
async def recorder(tx: Connection) -> Recorder:
    await create_partitions(tx, NOW, days_ahead=2)
    await add_node(tx)
    return Recorder()


async def see(tx: Connection, recorder: Recorder, seconds: float, *seen: object) -> None:
    """Record that a node has exactly these containers."""
    (lease,) = await claim_nodes(tx, later(seconds), 1, DEFAULTS, NO_KEYS)
    facts: NodeFacts = node_facts(*seen)  # type: ignore[arg-type] # containers
    await recorder.record_nodes(tx, [NodeResult(lease, facts, later(seconds))])
    recorder.committed()


async def test_a_new_container_of_another_image_is_an_event(
    tx: Connection, recorder: Recorder
) -> None:
    await see(tx, recorder, 0, OLD)
    await see(tx, recorder, 60, NEW)
    await see(tx, recorder, 120, NEW)
    assert await fetch(tx, CHANGES) == [
        ("image_changed", "web", f"shop:1@{DIGEST}", NEW.container_id, later(60))
    ]
    counted = "SELECT total FROM event_counters WHERE name = 'web' AND event = 'image_changed'"
    assert await fetch(tx, counted) == [(1,)]


async def test_one_that_was_seen_missing_between_is_still_the_same_service(
    tx: Connection, recorder: Recorder
) -> None:
    await see(tx, recorder, 0, OLD)
    await see(tx, recorder, 60)
    await see(tx, recorder, 120, replace(NEW, image_digest=None))
    assert [row[2] for row in await fetch(tx, CHANGES)] == ["shop:1@sha256:2"]


async def test_a_pinned_image_is_named_by_one_digest(tx: Connection, recorder: Recorder) -> None:
    await see(tx, recorder, 0, OLD)
    await see(tx, recorder, 60, replace(NEW, image=f"shop@{DIGEST}"))
    assert [row[2] for row in await fetch(tx, CHANGES)] == [f"shop@{DIGEST}"]


@pytest.mark.parametrize(
    "after",
    [
        replace(NEW, image_id=OLD.image_id),
        replace(NEW, name="other"),
        replace(OLD, restart_count=1),
        replace(OLD, image_digest=DIGEST),
    ],
    ids=["the same image", "another name", "the same container", "its digest became known"],
)
async def test_nothing_else_is_one(tx: Connection, recorder: Recorder, after: object) -> None:
    await see(tx, recorder, 0, OLD)
    await see(tx, recorder, 60, after)
    assert await fetch(tx, CHANGES) == []


async def test_the_first_look_at_a_node_tells_none(tx: Connection, recorder: Recorder) -> None:
    await see(tx, recorder, 0, OLD, replace(NEW, name="db"))
    assert await fetch(tx, CHANGES) == []


async def test_another_nodes_service_of_that_name_is_another(
    tx: Connection, recorder: Recorder
) -> None:
    await see(tx, recorder, 0, OLD)
    await add_node(tx, "beta", due_at=later(1))
    await see(tx, recorder, 1, NEW)
    assert await fetch(tx, CHANGES) == []
