from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from registry.facts.domains import StartTls
from registry.facts.nodes import EventCursor
from registry.schedule import (
    claim_domains,
    claim_nodes,
    request_now,
    request_probe,
    settle_domains,
    settle_nodes,
)
from registry.session import Connection, Engine
from registry.states import lock_nodes
from registry.ticks import next_due
from tests.registry.targets import (
    DEFAULTS,
    NO_KEYS,
    NOW,
    add_domain,
    add_node,
    fetch,
    later,
    lease_domain,
    lease_node,
    value,
)

# ---------------------------------------------------------------------------- claims


async def test_a_due_node_is_leased_with_its_question(tx: Connection) -> None:
    node_id = await add_node(tx, "alpha", interval=30, time_limit=4)
    lease = await lease_node(tx)
    assert (lease.question.node_id, lease.question.name) == (node_id, "alpha")
    assert lease.question.docker_url == "unix:///run/docker.sock"
    assert (lease.question.time_limit, lease.question.max_bytes) == (4, 1 << 24)
    assert (lease.question.cursor, lease.version) == (None, 0)
    assert (lease.interval, lease.claimed_at) == (30, NOW)


async def test_a_node_without_settings_of_its_own_takes_the_defaults(tx: Connection) -> None:
    await add_node(tx)
    lease = await lease_node(tx)
    assert (lease.interval, lease.question.time_limit) == (15, 10)


async def test_a_node_is_asked_from_where_its_events_were_read(tx: Connection) -> None:
    await add_node(tx)
    await fetch(tx, "UPDATE node_state SET event_time_nano = 7, event_keys = '{a,b}' RETURNING 1")
    assert (await lease_node(tx)).question.cursor == EventCursor(7, ("a", "b"))


async def test_a_due_domain_is_leased_with_its_question(tx: Connection) -> None:
    domain_id = await add_domain(tx, port=8443, server_name="www.example.org")
    lease = await lease_domain(tx)
    question = lease.question
    assert (question.domain_id, question.name, question.port) == (domain_id, "example.org", 8443)
    assert (question.starttls, question.server_name) == (StartTls.NONE, "www.example.org")
    assert (question.time_limit, lease.interval, lease.claimed_at) == (8, 3600, NOW)


async def test_a_domain_is_asked_for_its_own_name_where_no_other_is_set(tx: Connection) -> None:
    await add_domain(tx, "example.net")
    assert (await lease_domain(tx)).question.server_name == "example.net"


async def test_a_lease_ends_five_seconds_after_the_targets_own_time_out(tx: Connection) -> None:
    await add_node(tx, time_limit=4)
    lease = await lease_node(tx)
    row = await fetch(tx, "SELECT lease_until, lease_token FROM schedule")
    assert row == [(later(9), lease.token)]


async def test_a_domains_lease_ends_five_seconds_after_its_time_out(tx: Connection) -> None:
    await add_domain(tx, time_limit=3)
    await lease_domain(tx)
    assert await value(tx, "SELECT lease_until FROM schedule") == later(8)


async def test_a_target_of_a_dead_collector_is_due_again_when_its_lease_ends(
    tx: Connection,
) -> None:
    await add_node(tx)
    await lease_node(tx)
    assert await claim_nodes(tx, later(14.999), 1, DEFAULTS, NO_KEYS) == []
    assert len(await claim_nodes(tx, later(15), 1, DEFAULTS, NO_KEYS)) == 1


@pytest.mark.parametrize("enabled", [True, False])
async def test_only_what_is_enabled_and_due_is_claimed(tx: Connection, enabled: bool) -> None:
    await add_node(tx, "due", enabled=enabled)
    await add_domain(tx, "due.example", enabled=enabled)
    await add_node(tx, "not-yet", due_at=later(0.001))
    await add_domain(tx, "not-yet.example", due_at=later(0.001))
    nodes = await claim_nodes(tx, NOW, 10, DEFAULTS, NO_KEYS)
    domains = await claim_domains(tx, NOW, 10, DEFAULTS)
    assert [lease.question.name for lease in nodes] == ["due"] * enabled
    assert [lease.question.name for lease in domains] == ["due.example"] * enabled


async def test_those_longest_due_come_first_and_no_more_than_asked_for(tx: Connection) -> None:
    for age in (1, 3, 2):
        await add_node(tx, f"late-{age}", due_at=later(-age))
    leases = await claim_nodes(tx, NOW, 2, DEFAULTS, NO_KEYS)
    assert {lease.question.name for lease in leases} == {"late-3", "late-2"}


async def test_two_collectors_that_claim_at_once_share_no_target(engine: Engine) -> None:
    async with engine.begin() as tx:
        ids = [await add_node(tx, f"node-{n}") for n in range(40)]

    async def claim() -> list[int]:
        async with engine.begin() as tx:
            leases = await claim_nodes(tx, NOW, 15, DEFAULTS, NO_KEYS)
            await asyncio.sleep(0)  # lets the other one claim before this one commits
        return [lease.question.node_id for lease in leases]

    claimed = [
        node_id for ids in await asyncio.gather(*(claim() for _ in range(4))) for node_id in ids
    ]
    assert sorted(claimed) == sorted(set(claimed))
    async with engine.begin() as tx:
        rest = [
            lease.question.node_id for lease in await claim_nodes(tx, NOW, 40, DEFAULTS, NO_KEYS)
        ]
    assert sorted(claimed + rest) == ids


async def test_a_target_that_another_holds_is_passed_over_without_waiting(engine: Engine) -> None:
    async with engine.begin() as first:
        await add_node(first, "alpha")
        await add_node(first, "beta")
    async with engine.begin() as first, engine.begin() as second:
        mine = await claim_nodes(first, NOW, 1, DEFAULTS, NO_KEYS)
        others = await asyncio.wait_for(claim_nodes(second, NOW, 10, DEFAULTS, NO_KEYS), 5)
        assert len(mine) == len(others) == 1
        assert mine[0].question.node_id != others[0].question.node_id


# ---------------------------------------------------------------------------- ends


async def test_an_answered_node_is_due_at_the_next_point_of_its_grid(tx: Connection) -> None:
    node_id = await add_node(tx)
    await settle_nodes(tx, [(await lease_node(tx), later(100), 0)])
    row = await fetch(tx, "SELECT next_due_at, lease_until, lease_token FROM schedule")
    assert row == [(next_due(later(100), 15, f"node/{node_id}"), None, None)]


async def test_a_dead_node_is_due_at_a_later_point_of_its_own_grid(tx: Connection) -> None:
    node_id = await add_node(tx)
    await settle_nodes(tx, [(await lease_node(tx), NOW, 5)])
    due = next_due(NOW, 15, f"node/{node_id}") + timedelta(seconds=105)
    assert await value(tx, "SELECT next_due_at FROM schedule") == due


async def test_an_answered_domain_is_due_at_the_next_point_of_its_grid(tx: Connection) -> None:
    domain_id = await add_domain(tx)
    await settle_domains(tx, [(await lease_domain(tx), later(5))])
    row = await fetch(tx, "SELECT next_due_at, lease_until, lease_token FROM schedule")
    assert row == [(next_due(later(5), 3600, f"domain/{domain_id}"), None, None)]


async def test_a_tick_is_not_due_again_when_the_answers_clock_lags(tx: Connection) -> None:
    node_id = await add_node(tx)
    tick = next_due(NOW, 15, f"node/{node_id}")
    await settle_nodes(tx, [(await lease_node(tx, tick), tick - timedelta(milliseconds=1), 0)])
    assert await value(tx, "SELECT next_due_at FROM schedule") == tick + timedelta(seconds=15)


async def test_an_edit_makes_one_target_due_and_ends_its_lease(tx: Connection) -> None:
    node_id = await add_node(tx)
    await add_node(tx, "beta", due_at=later(60))
    domain_id = await add_domain(tx, due_at=later(60))
    old = await lease_node(tx)
    await request_now(tx, node_id=node_id, now=NOW)
    (new,) = await claim_nodes(tx, NOW, 10, DEFAULTS, NO_KEYS)
    assert new.question.node_id == node_id
    assert new.token != old.token
    await request_now(tx, domain_id=domain_id, now=NOW)
    assert (await lease_domain(tx)).question.domain_id == domain_id


async def test_a_wish_makes_one_idle_target_due(tx: Connection) -> None:
    node_id = await add_node(tx, due_at=later(60))
    await add_node(tx, "beta", due_at=later(60))
    domain_id = await add_domain(tx, due_at=later(60))
    assert await request_probe(tx, node_id=node_id, now=NOW) is None
    (lease,) = await claim_nodes(tx, NOW, 10, DEFAULTS, NO_KEYS)
    assert lease.question.node_id == node_id
    assert await request_probe(tx, domain_id=domain_id, now=NOW) is None
    assert (await lease_domain(tx)).question.domain_id == domain_id


async def test_a_wish_leaves_a_probe_that_is_under_way_alone(tx: Connection) -> None:
    node_id = await add_node(tx)
    lease = await lease_node(tx)
    for seconds in range(5):
        assert await request_probe(tx, node_id=node_id, now=later(seconds)) == lease.token
    assert lease.token in await lock_nodes(tx, [lease])


async def test_a_wish_takes_the_target_of_a_dead_collector(tx: Connection) -> None:
    node_id = await add_node(tx)
    lease = await lease_node(tx)
    assert await request_probe(tx, node_id=node_id, now=later(15)) is None
    assert await lock_nodes(tx, [lease]) == {}
    assert (await lease_node(tx, later(15))).question.node_id == node_id


async def test_a_wish_does_not_cost_an_overdue_target_its_place(tx: Connection) -> None:
    longest = await add_node(tx, "longest", due_at=later(-20))
    await add_node(tx, "later", due_at=later(-10))
    await request_probe(tx, node_id=longest, now=NOW)
    (first,) = await claim_nodes(tx, NOW, 1, DEFAULTS, NO_KEYS)
    assert first.question.name == "longest"
