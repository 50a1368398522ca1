from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from registry.audit import Actor, AuditEntry, AuditFilter, stream_entries
from registry.domains import DomainSpec, create_domain
from registry.errors import Conflict, Invalid, NotFound
from registry.facts.containers import ContainerState
from registry.nodes import (
    Node,
    NodeSpec,
    create_node,
    delete_node,
    get_node,
    list_nodes,
    update_node,
)
from registry.observations import NodeResult, Recorder
from registry.partitions import create_partitions
from registry.schedule import claim_nodes, request_now
from registry.session import Connection, Engine
from tests.registry.targets import (
    DEFAULTS,
    ENGINE,
    NO_KEYS,
    NOW,
    REFUSED,
    container,
    fetch,
    later,
    node_facts,
    scrape,
    statements,
)

ALICE = Actor("alice")
WEB = NodeSpec("web", "unix:///run/docker.sock", {"site": "berlin"}, interval_seconds=90.0)


async def trail(tx: Connection) -> list[AuditEntry]:
    return [entry async for entry in stream_entries(tx, AuditFilter())]


async def create(tx: Connection, *names: str) -> list[Node]:
    return [await create_node(tx, NodeSpec(name, f"unix:///{name}"), ALICE, NOW) for name in names]


async def names(tx: Connection, **filters: object) -> list[str]:
    page = await list_nodes(tx, limit=100, **filters)  # type: ignore[arg-type] # test names them
    return [node.name for node in page.items]


async def test_a_new_node_is_kept_as_given_and_due_at_once(tx: Connection) -> None:
    node = await create_node(tx, WEB, ALICE, NOW)
    assert await get_node(tx, "web") == node
    assert (node.docker_url, node.labels, node.interval_seconds) == (
        WEB.docker_url,
        WEB.labels,
        90.0,
    )
    (lease,) = await claim_nodes(tx, NOW, 10, DEFAULTS, NO_KEYS)
    assert lease.question.name == "web"


async def test_a_new_node_is_audited_as_it_is(tx: Connection) -> None:
    await create_node(tx, WEB, ALICE, NOW)
    (entry,) = await trail(tx)
    assert (entry.action, entry.target, entry.actor) == ("node.create", "node/web", "alice")
    assert entry.before is None
    assert entry.after == {
        "name": "web",
        "docker_url": "unix:///run/docker.sock",
        "labels": {"site": "berlin"},
        "enabled": True,
        "interval": "1m30s",
        "timeout": None,
        "credential": None,
        "host_key": None,
    }


async def test_a_taken_name_is_refused_and_nothing_changes(tx: Connection) -> None:
    await create(tx, "web")
    with pytest.raises(Conflict) as caught:
        await create_node(tx, NodeSpec("web", "unix:///other"), ALICE, NOW)
    assert caught.value.fault.field == "name"
    assert len(await trail(tx)) == 1


async def test_of_many_who_take_one_name_one_gets_it(engine: Engine) -> None:
    async def take() -> Node:
        async with engine.begin() as tx:
            return await create_node(tx, WEB, ALICE, NOW)

    outcomes = await asyncio.gather(*(take() for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(outcome, Node) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 7


async def test_a_change_is_kept_and_audited_with_before_and_after(tx: Connection) -> None:
    await create(tx, "web")
    node = await update_node(tx, "web", {"name": "www", "timeout_seconds": 2.5}, ALICE, later(1))
    assert (node.name, node.timeout_seconds, node.updated_at) == ("www", 2.5, later(1))
    entry = (await trail(tx))[-1]
    assert entry.before is not None
    assert entry.after is not None
    assert (entry.before["name"], entry.after["name"]) == ("web", "www")
    assert entry.after["timeout"] == "2s500ms"


async def test_a_changed_node_is_due_at_once_and_the_old_question_s_answer_is_stale(
    tx: Connection,
) -> None:
    await create(tx, "web")
    (old,) = await claim_nodes(tx, NOW, 10, DEFAULTS, NO_KEYS)
    await update_node(tx, "web", {"docker_url": "unix:///new"}, ALICE, later(1))
    (new,) = await claim_nodes(tx, later(1), 10, DEFAULTS, NO_KEYS)
    assert new.question.docker_url == "unix:///new"
    recorded = await Recorder().record_nodes(tx, [NodeResult(old, node_facts(), later(2))])
    assert recorded.discarded == {old.question.node_id}


async def test_a_change_that_changes_nothing_leaves_no_trace(tx: Connection) -> None:
    (node,) = await create(tx, "web")
    assert await update_node(tx, "web", {"enabled": True}, ALICE, later(1)) == node
    assert len(await trail(tx)) == 1


async def test_a_new_name_that_is_taken_is_refused(tx: Connection) -> None:
    await create(tx, "web", "www")
    with pytest.raises(Conflict):
        await update_node(tx, "web", {"name": "www"}, ALICE, NOW)
    assert await names(tx) == ["web", "www"]


async def test_an_unknown_field_is_refused_by_its_name(tx: Connection) -> None:
    await create(tx, "web")
    with pytest.raises(Invalid) as caught:
        await update_node(tx, "web", {"id": 7}, ALICE, NOW)
    assert [fault.field for fault in caught.value.faults] == ["id"]


async def test_a_disabled_node_is_not_asked(tx: Connection) -> None:
    await create(tx, "web")
    await update_node(tx, "web", {"enabled": False}, ALICE, NOW)
    assert not await claim_nodes(tx, later(60), 10, DEFAULTS, NO_KEYS)


async def test_a_deleted_node_is_gone_with_what_was_seen_and_audited(tx: Connection) -> None:
    await create(tx, "web")
    await delete_node(tx, "web", ALICE, NOW)
    with pytest.raises(NotFound):
        await get_node(tx, "web")
    assert await fetch(tx, "SELECT 1 FROM schedule UNION ALL SELECT 1 FROM node_state") == []
    assert [entry.action for entry in await trail(tx)] == ["node.create", "node.delete"]


async def test_a_node_that_domains_refer_to_stays_and_they_are_named(tx: Connection) -> None:
    await create(tx, "web")
    for number in range(7):
        spec = DomainSpec(f"d{number}.test", node="web")
        await create_domain(tx, spec, ALICE, NOW)
    with pytest.raises(Conflict, match=r"d0\.test, .*d4\.test and others"):
        await delete_node(tx, "web", ALICE, NOW)
    assert await names(tx) == ["web"]


@pytest.mark.parametrize("name", ["nobody", ""])
async def test_what_is_not_there_is_said_not_to_be(tx: Connection, name: str) -> None:
    for act in (
        get_node(tx, name),
        update_node(tx, name, {"enabled": False}, ALICE, NOW),
        delete_node(tx, name, ALICE, NOW),
    ):
        with pytest.raises(NotFound):
            await act


async def test_what_was_seen_is_shown_with_the_node(tx: Connection) -> None:
    await create(tx, "web")
    exited = container("job", state=ContainerState.EXITED)
    await scrape(tx, Recorder(), node_facts(container(), container("db"), exited))
    await scrape(tx, Recorder(), REFUSED, later(15))
    state = (await get_node(tx, "web")).state
    assert (state.last_attempt_at, state.last_success_at) == (later(15), NOW)
    assert (state.failure, state.consecutive_failures) == (REFUSED, 1)
    assert (state.engine, state.containers) == (ENGINE, {"running": 2, "exited": 1})
    assert (await list_nodes(tx, limit=1)).items[0].state == state


async def test_a_changed_node_is_answered_as_it_is_stored(tx: Connection) -> None:
    await create(tx, "web")
    await scrape(tx, Recorder(), node_facts(container()))
    changes = {"name": "www", "labels": {"a": "b"}, "interval_seconds": 30.0}
    changed = await update_node(tx, "web", changes, ALICE, later(1))
    assert changed == await get_node(tx, "www")


async def test_a_page_takes_the_same_statements_whatever_its_length(tx: Connection) -> None:
    await create(tx, *(f"n{number}" for number in range(9)))
    with statements(tx) as run:
        for limit in (1, 9):
            await list_nodes(tx, limit=limit)
    assert len(run) == 2 * 3


async def test_pages_go_by_name_and_are_stable_under_inserts(tx: Connection) -> None:
    await create(tx, "d", "b", "a", "c")
    first = await list_nodes(tx, limit=2)
    await create(tx, "aa", "bb")
    rest = await list_nodes(tx, limit=10, cursor=first.next)
    assert [node.name for node in first.items] == ["a", "b"]
    assert [node.name for node in rest.items] == ["bb", "c", "d"]
    assert rest.next is None


async def test_filters_narrow_the_list(tx: Connection) -> None:
    await create(tx, "off", "plain")
    await create_node(tx, WEB, ALICE, NOW)
    await update_node(tx, "off", {"enabled": False}, ALICE, NOW)
    assert await names(tx, enabled=False) == ["off"]
    assert await names(tx, label=("site", "berlin")) == ["web"]
    assert await names(tx, label=("site", "paris")) == []


# ---------------------------------------------------------------------------- one engine twice


async def claimed(tx: Connection, node: Node, engine_id: str) -> None:
    """Record a scrape in which the engine of the one node that is due had this id."""
    leases = await claim_nodes(tx, NOW, 9, DEFAULTS, NO_KEYS)
    facts = node_facts(engine=replace(ENGINE, engine_id=engine_id))
    (lease,) = [each for each in leases if each.question.node_id == node.id]
    await Recorder().record_nodes(tx, [NodeResult(lease, facts, NOW)])
    for other in leases:
        await request_now(tx, node_id=other.question.node_id, now=NOW)


async def test_nodes_with_one_engine_name_each_other(tx: Connection) -> None:
    await create_partitions(tx, NOW, days_ahead=1)
    for node, engine_id in zip(
        await create(tx, "a", "b", "c", "d", "e"), ["1", "1", "2", "", ""], strict=True
    ):
        await claimed(tx, node, engine_id)
    same = {node.name: node.state.same_engine_as for node in (await list_nodes(tx, limit=9)).items}
    assert same == {"a": ("b",), "b": ("a",), "c": (), "d": (), "e": ()}
    assert (await get_node(tx, "a")).state.same_engine_as == ("b",)


async def test_a_node_that_is_no_longer_watched_is_nobodys_double(tx: Connection) -> None:
    await create_partitions(tx, NOW, days_ahead=1)
    for node in await create(tx, "old", "new"):
        await claimed(tx, node, "1")
    await update_node(tx, "old", {"enabled": False}, ALICE, NOW)
    assert (await get_node(tx, "new")).state.same_engine_as == ()
