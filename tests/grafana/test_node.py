"""What the Node page says of containers, against what was seen of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from registry.facts.containers import ContainerFacts, ContainerState, Health
from registry.facts.nodes import NodeFacts, SwarmRole
from registry.facts.outcomes import Failure
from registry.observations import NodeResult, Recorder
from registry.schedule import claim_nodes
from registry.session import database_now, make_engine
from tests.parts.grafana import Range, Raw, Value, expand, statement_of
from tests.parts.postgres import Database
from tests.registry.targets import (
    DEFAULTS,
    ENGINE,
    NO_KEYS,
    REFUSED,
    add_node,
    container,
    node_facts,
)

# Scrapes that lie further apart than three intervals, or a minute, leave a gap.
STEP = timedelta(seconds=30)
Seen = Sequence[tuple[int, NodeFacts | Failure]]


async def see(database: Database, seen: Seen) -> datetime:
    """Record what a node answered at which step; return when it was first asked."""
    engine, recorder = make_engine(database.url, program="test"), Recorder()
    async with engine.begin() as tx:
        began = await database_now(tx)
        await add_node(tx, "web-1", due_at=began)
    for step, outcome in seen:
        async with engine.begin() as tx:
            at = began + step * STEP
            leases = await claim_nodes(tx, at, 10, DEFAULTS, NO_KEYS)
            await recorder.record_nodes(tx, [NodeResult(lease, outcome, at) for lease in leases])
        recorder.committed()
    await engine.dispose()
    return began


def ask(database: Database, title: str, since: datetime, until: datetime) -> list[dict[str, Any]]:
    values: dict[str, Value | Raw] = {"node": "web-1", "container": Raw(".*")}
    statement = statement_of("vsa-node", title).replace("$__interval_ms", "1000")
    statement = expand(statement, values, Range(since, until))
    with psycopg.connect(database.dashboard_url, row_factory=dict_row) as session:
        return session.execute(statement.encode()).fetchall()


async def drawn(
    database: Database, seen: Seen, *, since: int = 0
) -> dict[str, list[tuple[int, str]]]:
    """The states that the page draws of each container, and from which step on."""
    began = await see(database, seen)
    bands: dict[str, list[tuple[int, str]]] = {}
    for row in ask(database, "States", began + since * STEP, began + 10 * STEP):
        step = round((row["time"] - began) / STEP)
        bands.setdefault(row["container"], []).append((step, row["state"]))
    return {name: [next(same) for _, same in groupby(band, state)] for name, band in bands.items()}


def state(point: tuple[int, str]) -> str:
    return point[1]


def web(health: Health = Health.NONE, **changes: object) -> ContainerFacts:
    return container("web", health=health, **changes)


ENDED = container("job", state=ContainerState.EXITED, exit_code=3)


async def test_a_state_is_drawn_from_when_it_was_seen(database: Database) -> None:
    seen = [(0, node_facts(web())), (1, node_facts(web(Health.UNHEALTHY)))]
    assert await drawn(database, seen) == {"web": [(0, "running"), (1, "unhealthy")]}


async def test_what_was_removed_is_gone_and_what_comes_was_not_there(database: Database) -> None:
    seen = [(0, node_facts(web())), (1, node_facts(web(), ENDED)), (2, node_facts(ENDED))]
    assert await drawn(database, seen) == {
        "job": [(0, "gone"), (1, "failed")],
        "web": [(0, "running"), (2, "gone")],
    }


async def test_nothing_is_claimed_while_the_node_is_not_seen(database: Database) -> None:
    both = node_facts(web(), ENDED)
    seen: Seen = [(0, both), (1, both), (2, REFUSED), (3, REFUSED), (4, node_facts(web()))]
    assert await drawn(database, seen) == {
        "web": [(0, "running"), (1, "unknown"), (4, "running")],
        "job": [(0, "failed"), (1, "unknown"), (4, "gone")],
    }


async def test_a_node_that_stays_away_stays_unknown(database: Database) -> None:
    bands = await drawn(database, [(0, node_facts(web())), (1, REFUSED)])
    assert state(bands["web"][-1]) == "unknown"


async def test_what_began_before_the_time_range_is_drawn_from_its_edge(database: Database) -> None:
    seen = [(0, node_facts(web())), (1, node_facts(web(Health.HEALTHY)))]
    assert await drawn(database, seen, since=2) == {"web": [(2, "healthy")]}


async def test_a_new_container_of_the_same_name_follows_the_old_one(database: Database) -> None:
    new = web(container_id="ff" * 32, state=ContainerState.CREATED)
    seen = [(0, node_facts(web())), (1, node_facts(new))]
    assert await drawn(database, seen) == {"web": [(0, "running"), (1, "created")]}


CONDITIONS = [
    (web(), "running"),
    (web(Health.STARTING), "starting"),
    (web(Health.UNHEALTHY), "unhealthy"),
    (web(state=ContainerState.PAUSED), "paused"),
    (web(state=ContainerState.EXITED, exit_code=0), "stopped"),
    (web(state=ContainerState.EXITED, exit_code=143), "stopped"),
    (web(state=ContainerState.EXITED, exit_code=137), "failed"),
    (web(state=ContainerState.EXITED, exit_code=137, oom_killed=True), "out of memory"),
    (web(state=ContainerState.DEAD), "dead"),
]


@pytest.mark.parametrize(("facts", "condition"), CONDITIONS, ids=[each[1] for each in CONDITIONS])
async def test_one_word_says_how_a_container_is(
    facts: ContainerFacts, condition: str, database: Database
) -> None:
    began = await see(database, [(0, node_facts(facts))])
    (row,) = ask(database, "Containers", began, began + STEP)
    assert (row["State"], row["Last seen"]) == (condition, None)


async def test_a_container_of_a_node_that_is_down_is_unknown_and_counted_nowhere(
    database: Database,
) -> None:
    refused = [(step, REFUSED) for step in (1, 2, 3)]
    began = await see(database, [(0, node_facts(web(Health.UNHEALTHY))), *refused])
    until = began + 4 * STEP
    (row,) = ask(database, "Containers", began, until)
    assert (row["State"], row["Last seen"]) == ("unknown", "unhealthy")
    assert not ask(database, "Running", began, until)
    assert not ask(database, "Bad containers", began, until)
    (row,) = ask(database, "State", began, until)
    assert row["state"] == "down"


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        ([], "new"),
        ([(0, REFUSED)], "never answered"),
        ([(0, node_facts())], "up"),
        ([(0, node_facts()), (1, REFUSED)], "failing"),
        ([(0, node_facts()), (1, REFUSED), (2, REFUSED), (3, REFUSED)], "down"),
    ],
    ids=["new", "never answered", "up", "failing", "down"],
)
async def test_one_word_says_how_a_node_is(seen: Seen, word: str, database: Database) -> None:
    began = await see(database, seen)
    (row,) = ask(database, "State", began, began + 4 * STEP)
    assert row["state"] == word


async def test_nobody_asking_is_as_bad_as_no_answer(database: Database) -> None:
    began = await see(database, [(0, node_facts())])
    (row,) = ask(database, "State", began, began + 13 * STEP)
    assert row["state"] == "down"


async def test_what_a_failing_check_said_stands_beside_the_container(database: Database) -> None:
    sick = web(Health.UNHEALTHY, health_output="no answer on port 80")
    began = await see(database, [(0, node_facts(sick))])
    (row,) = ask(database, "Containers", began, began + STEP)
    assert row["Error"] == "no answer on port 80"


async def test_a_new_image_is_marked_when_it_was_seen(database: Database) -> None:
    new = web(container_id="ff" * 32, image_id="sha256:2", image="nginx:1.28")
    began = await see(database, [(0, node_facts(web())), (1, node_facts(new))])
    (mark,) = ask(database, "New images", began, began + 2 * STEP)
    assert mark["time"] == began + STEP
    assert mark["text"].startswith("web runs another image: ")


async def test_the_engine_says_what_it_is_and_warns_of(database: Database) -> None:
    engine = replace(ENGINE, swarm_role=SwarmRole.WORKER, warnings=("no swap limit", "no cpuset"))
    began = await see(database, [(0, node_facts(engine=engine))])
    (row,) = ask(database, "Its engine", began, began + STEP)
    assert (row["Swarm"], row["Warnings"]) == ("worker", "no swap limit\nno cpuset")
    assert row["Same engine"] is None
