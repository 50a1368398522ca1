"""What retention forgets beside whole days, and what it never does."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest
from sqlalchemy import text

from registry.gaps import Gap, write_gaps
from registry.observations import Recorder
from registry.partitions import create_partitions
from registry.retention import Forgotten, forget, kept_from, survey
from registry.session import UNAVAILABLE, Connection, Engine
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
    value,
)

DAY = 86_400.0


@pytest.fixture
async def engine(engine: Engine) -> Engine:
    """A database that has no days but those from NOW on."""
    async with engine.begin() as tx:
        await tx.execute(text("SELECT vsa_drop_partitions('infinity')"))
        await create_partitions(tx, NOW, days_ahead=12)
    return engine


async def forget_at(engine: Engine, at: datetime) -> Forgotten:
    """Forget what is older than a day, and hold what was said of it before to that."""
    async with engine.connect() as tx:
        said = await survey(tx, at, DAY)
    gone = await forget(engine, at, DAY)
    assert said == gone
    return gone


async def counted(engine: Engine) -> set[object]:
    async with engine.connect() as tx:
        return {row[0] for row in await fetch(tx, "SELECT DISTINCT name FROM event_counters")}


async def two_scrapes(tx: Connection) -> None:
    """Have a node of three containers that died once; `web` alone is there afterwards."""
    await add_node(tx)
    recorder = Recorder()
    events = [die(1, "web"), die(2, "old"), die(3, "job")]
    await scrape(tx, recorder, node_facts(container(), container("old"), events=events))
    await scrape(tx, recorder, node_facts(container()), later(15))


async def test_days_that_are_older_fall(engine: Engine) -> None:
    gone = await forget_at(engine, later(5 * DAY))
    assert (gone.kept_from, gone.day_tables) == (kept_from(later(5 * DAY), DAY), 2 * 4)
    assert gone.day_bytes > 0
    assert (await forget_at(engine, later(5 * DAY))).is_nothing


async def test_counters_go_when_nothing_tells_of_the_container_any_more(engine: Engine) -> None:
    async with engine.begin() as tx:
        await two_scrapes(tx)
    gone = await forget_at(engine, later(DAY))  # the day of the deaths is still kept
    assert (gone.event_counters, await counted(engine)) == (0, {"web", "old", "job"})
    gone = await forget_at(engine, later(5 * DAY))
    assert await counted(engine) == {"web"}
    assert gone.event_counters == 4  # each death counts by its name and by its exit code


async def test_a_container_of_the_name_on_another_node_keeps_no_counter(engine: Engine) -> None:
    async with engine.begin() as tx:
        await two_scrapes(tx)
        await tx.execute(text("DELETE FROM schedule"))  # alpha's
        await add_node(tx, "beta")
        await scrape(tx, Recorder(), node_facts(container("old")), later(15))
    await forget_at(engine, later(5 * DAY))
    assert await counted(engine) == {"web"}


async def test_certificates_go_when_nobody_serves_them_and_they_are_old(engine: Engine) -> None:
    async with engine.begin() as tx:
        await add_domain(tx)
        await look(tx, endpoint(shown=certificate("before")))
        await look(tx, endpoint(shown=certificate("after")), at=later(60))
    assert (await forget_at(engine, later(DAY))).certificates == 0
    assert (await forget_at(engine, later(9 * DAY))).certificates == 1
    async with engine.connect() as tx:
        assert await fetch(tx, "SELECT subject FROM certificates") == [("CN=after",)]


async def test_gaps_go_that_ended_before_what_is_kept(engine: Engine) -> None:
    async with engine.begin() as tx:
        node_id = await add_node(tx)
        midnight = kept_from(later(5 * DAY), DAY)
        await write_gaps(tx, [Gap(node_id, "events", NOW, later(60), "lost")])
        await write_gaps(tx, [Gap(node_id, "events", later(90), midnight, "lost")])
        await write_gaps(tx, [Gap(node_id, "state", NOW, "infinity", "timeout")])
    assert (await forget_at(engine, later(5 * DAY))).gaps == 1
    async with engine.connect() as tx:
        left = await fetch(tx, "SELECT kind, gap_from FROM node_gaps ORDER BY kind")
    assert left == [("events", later(90)), ("state", NOW)]


async def test_what_is_so_now_stays_however_old(engine: Engine) -> None:
    async with engine.begin() as tx:
        await add_node(tx)
        await scrape(tx, Recorder(), node_facts(container()))
    await forget_at(engine, later(10 * DAY))
    async with engine.connect() as tx:
        assert await fetch(tx, "SELECT name FROM container_snapshots") == [("web",)]


async def test_a_survey_waits_for_nobody_who_writes(engine: Engine) -> None:
    async with engine.begin() as tx, engine.connect() as reader:
        await two_scrapes(tx)
        async with asyncio.timeout(5):
            assert (await survey(reader, later(5 * DAY), DAY)).event_counters == 0


async def test_days_that_are_being_read_stay_and_their_counters_are_judged_again(
    engine: Engine,
) -> None:
    async with engine.begin() as tx:
        await two_scrapes(tx)
    async with engine.connect() as reader:
        await fetch(reader, "SELECT name FROM events")
        with pytest.raises(UNAVAILABLE, match="lock timeout"):
            await forget(engine, later(5 * DAY), DAY)
        assert await value(reader, "SELECT count(*) FROM events") == 3
    assert (await forget_at(engine, later(5 * DAY))).day_tables == 2 * 4
    assert await counted(engine) == {"web"}


async def test_collectors_that_forget_at_once_do_not_clash(engine: Engine) -> None:
    async with engine.begin() as tx:
        await two_scrapes(tx)
    gone = await asyncio.gather(*(forget(engine, later(5 * DAY), DAY) for _ in range(4)))
    assert sum(one.day_tables for one in gone) == 2 * 4
    assert sum(one.event_counters for one in gone) == 4


def test_a_day_is_kept_whole() -> None:
    assert kept_from(NOW, DAY) == later(-36 * 3600)
