"""Questions over time: what ran on a node at a moment, what changed, what restarted, what nobody knows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from sqlalchemy import text

from registry.errors import Invalid
from registry.facts.containers import ContainerState
from registry.facts.nodes import EngineEvent
from registry.observations import Recorder
from registry.partitions import create_partitions, drop_closed_before
from registry.past import (
    ChangeKind,
    ChangeRow,
    RestartRow,
    Unknown,
    list_changes,
    list_restarts,
    read_past,
    window,
)
from registry.session import Connection, Engine, make_engine
from tests.parts.postgres import Database
from tests.registry.targets import (
    NOW,
    REFUSED,
    add_node,
    container,
    die,
    fetch,
    later,
    node_facts,
    scrape,
)

END = later(86_400)
SECOND = 1_000_000_000


@pytest.fixture
async def tx(engine: Engine) -> AsyncIterator[Connection]:
    async with engine.connect() as connection:
        await connection.begin()
        await create_partitions(connection, NOW, days_ahead=3)
        await add_node(connection)
        yield connection
        await connection.rollback()


async def names_at(tx: Connection, at: datetime) -> list[str]:
    past = await read_past(tx, "alpha", at, END, 15)
    assert past.unknown is None
    return [facts.name for facts in past.containers]


async def unknown_at(tx: Connection, at: datetime) -> Unknown | None:
    return (await read_past(tx, "alpha", at, END, 15)).unknown


async def changes(tx: Connection) -> list[ChangeRow]:
    page = await list_changes(tx, "alpha", since=NOW, until=END, limit=100)
    return page.items


async def restarts(tx: Connection, container: str | None = None) -> list[RestartRow]:
    page = await list_restarts(tx, "alpha", since=NOW, until=END, limit=100, container=container)
    return page.items


def start(time_nano: int, name: str = "web") -> EngineEvent:
    return EngineEvent(time_nano, "container", "start", name.encode().hex(), name, "nginx:1.27")


# ---------------------------------------------------------------------------- at a moment


async def test_a_moment_shows_what_the_scrape_before_it_saw(tx: Connection) -> None:
    recorder = Recorder()
    await scrape(tx, recorder, node_facts(container(), container("db")))
    await scrape(tx, recorder, node_facts(container()), later(15))
    await scrape(tx, recorder, node_facts(container(), container("job")), later(30))
    assert await names_at(tx, NOW) == ["db", "web"]
    assert await names_at(tx, later(14.9)) == ["db", "web"]
    assert await names_at(tx, later(15)) == ["web"]
    assert await names_at(tx, later(30)) == ["job", "web"]


async def test_all_facts_of_a_container_are_those_of_the_moment(tx: Connection) -> None:
    recorder, before = Recorder(), container(labels={"a": "1"}, health_output="old")
    await scrape(tx, recorder, node_facts(before))
    await scrape(tx, recorder, node_facts(container(restart_count=1)), later(15))
    assert (await read_past(tx, "alpha", NOW, END, 15)).containers == (before,)


async def test_before_the_first_scrape_nobody_knows(tx: Connection) -> None:
    assert await unknown_at(tx, NOW) == Unknown("not_seen_yet", None, None)
    await scrape(tx, Recorder(), REFUSED)
    assert await unknown_at(tx, NOW) == Unknown("not_seen_yet", None, None)
    await scrape(tx, Recorder(), node_facts(), later(15))
    assert await unknown_at(tx, later(14)) == Unknown("not_seen_yet", None, later(15))
    assert await unknown_at(tx, later(15)) is None


async def test_a_gap_is_unknown_between_its_ends_and_shows_what_was_seen_last(
    tx: Connection,
) -> None:
    recorder = Recorder()
    await scrape(tx, recorder, node_facts(container()))
    await scrape(tx, recorder, REFUSED, later(15))
    assert await unknown_at(tx, later(1000)) == Unknown("refused", NOW, None)
    await scrape(tx, recorder, node_facts(container("db")), later(300))
    past = await read_past(tx, "alpha", later(299), END, 15)
    assert past.unknown == Unknown("refused", NOW, later(300))
    assert [facts.name for facts in past.containers] == ["web"]
    assert await names_at(tx, NOW) == ["web"]
    assert await names_at(tx, later(300)) == ["db"]


async def test_a_node_that_nobody_asks_is_unknown_once_it_is_stale(tx: Connection) -> None:
    await scrape(tx, Recorder(), node_facts(container()))
    assert await names_at(tx, later(60)) == ["web"]
    assert await unknown_at(tx, later(61)) == Unknown("not_asked", NOW, None)
    past = await read_past(tx, "alpha", later(61), END, 60)  # asked once a minute
    assert past.unknown is None


async def test_what_retention_dropped_is_unknown_and_not_empty(
    tx: Connection, database: Database
) -> None:
    recorder, tomorrow = Recorder(), later(12 * 3600)
    await scrape(tx, recorder, node_facts(container(), container("db")))
    await scrape(tx, recorder, node_facts(container()), later(15))
    await scrape(tx, recorder, node_facts(container()), tomorrow)
    await tx.commit()
    owner = make_engine(database.owner_url, program="test")
    async with owner.begin() as other:
        await drop_closed_before(other, tomorrow.date())
    await owner.dispose()
    assert await unknown_at(tx, NOW) == Unknown("not_kept", None, tomorrow)
    assert await names_at(tx, tomorrow) == ["web"]


async def test_a_moment_to_come_is_refused(tx: Connection) -> None:
    with pytest.raises(Invalid, match="at must not be later than now"):
        await read_past(tx, "alpha", later(1), NOW, 15)


# ---------------------------------------------------------------------------- changes


async def test_a_node_s_story_is_told_newest_first(tx: Connection) -> None:
    recorder = Recorder()
    await scrape(tx, recorder, node_facts(container(), container("db")))
    dead = container(state=ContainerState.EXITED, exit_code=137)
    await scrape(tx, recorder, node_facts(dead, container("job")), later(15))
    told = [(line.at, line.change, line.name, line.fields) for line in await changes(tx)]
    changed = {"state": ("running", "exited"), "exit_code": (None, 137)}
    assert told == [
        (later(15), ChangeKind.DISAPPEARED, "db", {}),
        (later(15), ChangeKind.CHANGED, "web", changed),
        (later(15), ChangeKind.APPEARED, "job", {}),
        (NOW, ChangeKind.FIRST_SEEN, "web", {}),
        (NOW, ChangeKind.FIRST_SEEN, "db", {}),
    ]


async def test_what_is_not_known_is_part_of_the_story(tx: Connection) -> None:
    recorder = Recorder()
    await scrape(tx, recorder, node_facts())
    await scrape(tx, recorder, node_facts(events_lost=True), later(15))
    await scrape(tx, recorder, REFUSED, later(30))
    told = [(line.change, line.at, line.lasted_until, line.reason) for line in await changes(tx)]
    assert told == [
        (ChangeKind.NOT_SEEN, later(15), None, "refused"),
        (ChangeKind.EVENTS_LOST, NOW, later(15), "lost"),
    ]


async def test_only_the_time_that_is_asked_about_is_told(tx: Connection) -> None:
    recorder = Recorder()
    for count in range(5):
        await scrape(tx, recorder, node_facts(container(restart_count=count)), later(count * 15))
    page = await list_changes(tx, "alpha", since=later(15), until=later(45), limit=100)
    assert [line.fields["restart_count"] for line in page.items] == [(1, 2), (0, 1)]


async def test_pages_of_changes_leave_nothing_out_and_repeat_nothing(tx: Connection) -> None:
    recorder = Recorder()
    await scrape(tx, recorder, node_facts(*(container(f"c{n}") for n in range(7))))
    await scrape(tx, recorder, node_facts(), later(15))
    seen, cursor = [], None
    while True:
        page = await list_changes(tx, "alpha", since=NOW, until=END, limit=3, cursor=cursor)
        seen += page.items
        if (cursor := page.next) is None:
            break
    assert seen == await changes(tx)
    assert len(seen) == 14


# ---------------------------------------------------------------------------- restarts


async def test_a_death_is_told_with_its_exit_code_and_when_the_container_was_back(
    tx: Connection,
) -> None:
    recorder = Recorder()
    await scrape(tx, recorder, node_facts(container()))
    events = [die(1 * SECOND, action="oom"), die(2 * SECOND), start(3 * SECOND), die(9 * SECOND)]
    await scrape(tx, recorder, node_facts(container(restart_count=1), events=events), later(15))
    told = [
        (
            line.died_at and line.died_at.second,
            line.exit_code,
            line.oom_killed,
            line.started_at and line.started_at.second,
        )
        for line in await restarts(tx)
    ]
    assert told == [(9, 137, True, None), (2, 137, True, 3)]


async def test_restarts_whose_events_were_lost_are_told_by_their_count(tx: Connection) -> None:
    recorder = Recorder()
    await scrape(tx, recorder, node_facts(container()))
    late = container(restart_count=5, state=ContainerState.RESTARTING, exit_code=1)
    facts = node_facts(late, events=[die(SECOND)], events_lost=True)
    await scrape(tx, recorder, facts, later(15))
    counted, told = sorted(await restarts(tx), key=lambda line: line.unseen, reverse=True)
    assert (counted.unseen, counted.exit_code, counted.died_at) == (4, 1, None)
    assert (told.unseen, told.exit_code) == (0, 137)


@pytest.mark.parametrize(
    ("container", "names"),
    [(None, ["web", "db"]), ("db", ["db"]), ("776562", ["web"]), ("7765", ["web"]), ("x", [])],
)
async def test_restarts_of_one_container_by_name_or_id(
    tx: Connection, container: str | None, names: list[str]
) -> None:
    await scrape(tx, Recorder(), node_facts(events=[die(1, "db"), die(2, "web")]))
    assert [line.name for line in await restarts(tx, container)] == names


# ---------------------------------------------------------------------------- who may ask, and when


def test_a_window_is_the_last_day_unless_said_otherwise() -> None:
    assert window(None, None, END) == (NOW, END)
    assert window(later(5), None, END) == (later(5), END)
    with pytest.raises(Invalid, match="since must be earlier"):
        window(END, NOW, END)


async def test_grafana_s_role_may_ask_and_gets_the_same(tx: Connection, database: Database) -> None:
    await scrape(tx, Recorder(), node_facts(container()))
    await tx.commit()
    grafana = make_engine(database.dashboard_url, program="test")
    async with grafana.connect() as other:
        values = {"now": NOW, "end": END}
        at = "SELECT name FROM dashboard.containers_at('alpha', :now)"
        assert await fetch(other, at, **values) == [("web",)]
        story = "SELECT change, name FROM dashboard.changes('alpha', :now, :end)"
        assert await fetch(other, story, **values) == [("first_seen", "web")]
        assert (
            await fetch(other, "SELECT * FROM dashboard.unknown_at('alpha', :now)", **values) == []
        )
        assert (
            await fetch(other, "SELECT * FROM dashboard.restarts('alpha', :now, :end)", **values)
            == []
        )
    await grafana.dispose()


async def test_a_first_scrape_stays_the_first(tx: Connection) -> None:
    recorder = Recorder()
    for seconds in (0, 15, 30):
        await scrape(tx, recorder, node_facts(), later(seconds))
    first = (await tx.execute(text("SELECT first_success_at FROM node_state"))).scalar_one()
    assert first == NOW
