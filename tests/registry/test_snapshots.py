from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime, timedelta

import pytest

from registry.facts.containers import ContainerFacts, ContainerState, Health, Limits, Mount, Port
from registry.partitions import create_partitions
from registry.session import Connection
from registry.snapshots import Change, count_open, diff, read_open, write_changes
from tests.registry.targets import NOW, add_node, container, fetch, later

FULL = ContainerFacts(
    container_id="f" * 64,
    name="database",
    image="postgres:18",
    image_id="sha256:2",
    state=ContainerState.EXITED,
    health=Health.UNHEALTHY,
    exit_code=137,
    oom_killed=True,
    error="no such \\u0000 device",
    restart_count=3,
    restart_policy="always",
    created_at=NOW - timedelta(days=3, microseconds=1),
    started_at=NOW - timedelta(days=2),
    finished_at=NOW - timedelta(days=1),
    labels={"com.example.role": "primary", "ünïcode": "é"},
    ports=(Port(5432, "tcp", 5432, "127.0.0.1"), Port(5433, "tcp")),
    mounts=(Mount("volume", "/var/lib/x", "/data", True, "x"), Mount("bind", "/a", "/b", False)),
    networks=("default", "front"),
    limits=Limits(memory_bytes=1 << 30, nano_cpus=5),
    image_digest="sha256:4",
    health_output="curl: (7) refused",
)


@pytest.fixture
async def node_id(tx: Connection) -> int:
    await create_partitions(tx, NOW, days_ahead=1)
    return await add_node(tx)


def opened(node_id: int, *containers: ContainerFacts, at: datetime = NOW) -> Change:
    return Change(node_id, at, (), containers)


# ---------------------------------------------------------------------------- comparing


def test_the_same_containers_are_no_change() -> None:
    web = container("web")
    assert diff(1, NOW, {"a": web}, {"a": web}) is None
    assert diff(1, NOW, {"a": web}, {"a": container("web")}) is None


def test_a_container_that_changed_is_closed_and_opened() -> None:
    before, after = container("web"), container("web", restart_count=1)
    key = before.container_id
    assert diff(1, NOW, {key: before}, {key: after}) == Change(1, NOW, (key,), (after,))


def test_a_new_container_is_opened_and_one_that_went_is_closed() -> None:
    old, new, kept = container("old"), container("new"), container("kept")
    before = {facts.container_id: facts for facts in (old, kept)}
    after = {facts.container_id: facts for facts in (kept, new)}
    assert diff(1, NOW, before, after) == Change(1, NOW, (old.container_id,), (new,))


@pytest.mark.parametrize("name", [field.name for field in fields(ContainerFacts)][1:])
def test_a_change_of_any_fact_is_seen(name: str) -> None:
    bare = container("web", container_id=FULL.container_id)
    other = replace(bare, **{name: getattr(FULL, name)})
    assert diff(1, NOW, {"f": bare}, {"f": other}) == Change(1, NOW, ("f",), (other,))


# ---------------------------------------------------------------------------- writing and reading


async def test_every_fact_comes_back_as_it_was_written(tx: Connection, node_id: int) -> None:
    await write_changes(tx, [opened(node_id, FULL)])
    assert await read_open(tx, [node_id]) == {node_id: {FULL.container_id: FULL}}


async def test_nuls_are_left_out_of_what_is_stored(tx: Connection, node_id: int) -> None:
    dirty = container("web", error="a\x00\x00b", labels={"k\x00": "\\\x00v"})
    await write_changes(tx, [opened(node_id, dirty)])
    clean = container("web", error="ab", labels={"k": "\\v"})
    assert await read_open(tx, [node_id]) == {node_id: {clean.container_id: clean}}


async def test_open_containers_are_read_by_node(tx: Connection, node_id: int) -> None:
    other = await add_node(tx, "beta")
    await write_changes(tx, [opened(node_id, container("web")), opened(other, container("db"))])
    assert list(await read_open(tx, [other, 999])) == [other]


async def test_a_closed_row_holds_the_time_in_which_it_was_so(tx: Connection, node_id: int) -> None:
    before, after = container("web"), container("web", restart_count=1)
    await write_changes(tx, [opened(node_id, before)])
    await write_changes(tx, [Change(node_id, later(15), (before.container_id,), (after,))])
    rows = await fetch(
        tx,
        "SELECT restart_count, seen_from, isfinite(seen_until), least(seen_until, :end)"
        " FROM container_snapshots ORDER BY seen_until",
        end=later(60),
    )
    assert rows == [(0, NOW, True, later(15)), (1, later(15), False, later(60))]


async def test_a_closed_row_lands_in_the_utc_day_of_its_end(tx: Connection, node_id: int) -> None:
    midnight = later(12 * 3600)
    web, db = container("web"), container("db")
    await write_changes(tx, [opened(node_id, web, db)])
    last = midnight - timedelta(microseconds=1)
    await write_changes(tx, [Change(node_id, last, (web.container_id,), ())])
    await write_changes(tx, [Change(node_id, midnight, (db.container_id,), ())])
    rows = await fetch(tx, "SELECT name, tableoid::regclass::text FROM container_snapshots")
    assert dict(rows) == {  # type: ignore[arg-type]  # rows of two columns
        "web": "container_snapshots_20261123",
        "db": "container_snapshots_20261124",
    }


async def test_open_containers_are_counted_by_node_and_state(tx: Connection, node_id: int) -> None:
    other = await add_node(tx, "beta")
    await write_changes(
        tx,
        [
            opened(node_id, container("a"), container("b"), FULL),
            opened(other, container("c")),
        ],
    )
    await write_changes(tx, [Change(other, later(1), (container("c").container_id,), ())])
    assert await count_open(tx) == {node_id: {"running": 2, "exited": 1}}
    assert await count_open(tx, other) == {}
