"""What retention forgets beside whole days, and what it never does."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from registry.observations import Recorder
from registry.partitions import create_partitions
from registry.retention import forget, kept_from
from registry.session import Connection, Engine
from tests.registry.targets import (
    NOW,
    add_domain,
    add_node,
    certificate,
    container,
    die,
    endpoint,
    fetch,
    later,
    look,
    node_facts,
    scrape,
)

DAY = 86_400.0


@pytest.fixture
async def tx(engine: Engine) -> AsyncIterator[Connection]:
    async with engine.connect() as connection:
        await connection.begin()
        await create_partitions(connection, NOW, days_ahead=12)
        yield connection
        await connection.rollback()


async def counted(tx: Connection) -> set[object]:
    return {row[0] for row in await fetch(tx, "SELECT DISTINCT name FROM event_counters")}


async def test_counters_go_when_nothing_tells_of_the_container_any_more(tx: Connection) -> None:
    await add_node(tx)
    recorder = Recorder()
    events = [die(1, "web"), die(2, "old"), die(3, "job")]
    facts = node_facts(container(), container("old"), events=events)
    await scrape(tx, recorder, facts)
    await scrape(tx, recorder, node_facts(container()), later(15))
    gone = await forget(tx, later(DAY), DAY)  # the day of the deaths is still kept
    assert (gone.event_counters, await counted(tx)) == (0, {"web", "old", "job"})
    gone = await forget(tx, later(5 * DAY), DAY)
    assert await counted(tx) == {"web"}
    assert gone.event_counters == 4  # each death counts by its name and by its exit code


async def test_certificates_go_when_nobody_serves_them_and_they_are_old(tx: Connection) -> None:
    await add_domain(tx)
    await look(tx, endpoint(shown=certificate("before")))
    await look(tx, endpoint(shown=certificate("after")), at=later(60))
    assert (await forget(tx, later(DAY), DAY)).certificates == 0
    assert (await forget(tx, later(9 * DAY), DAY)).certificates == 1
    assert await fetch(tx, "SELECT subject FROM certificates") == [("CN=after",)]


async def test_what_is_so_now_stays_however_old(tx: Connection) -> None:
    await add_node(tx)
    await scrape(tx, Recorder(), node_facts(container()))
    await forget(tx, later(10 * DAY), DAY)
    assert await fetch(tx, "SELECT name FROM container_snapshots") == [("web",)]


def test_a_day_is_kept_whole() -> None:
    assert kept_from(NOW, DAY) == later(-36 * 3600)
