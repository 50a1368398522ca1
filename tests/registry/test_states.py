from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlalchemy import text

from registry.facts.outcomes import Failure, FailureReason
from registry.schedule import claim_domains, claim_nodes
from registry.session import Connection, Engine
from registry.states import (
    Before,
    lock_domains,
    lock_nodes,
    outcome_row,
    read_engines,
    write_domain_states,
    write_node_states,
)
from tests.registry.targets import (
    DEFAULTS,
    ENGINE,
    NO_KEYS,
    NOW,
    REFUSED,
    add_domain,
    add_node,
    fetch,
    later,
    lease_domain,
    lease_node,
)

OUTCOME = """
    SELECT last_attempt_at, last_success_at, failure_reason, failure_detail, consecutive_failures,
           scrapes_total, failures_total
    FROM node_state
"""
DOMAIN_OUTCOME = OUTCOME.replace("scrapes_total", "probes_total").replace("node_", "domain_")

# ---------------------------------------------------------------------------- moments


def test_the_moments_of_a_target_rise_even_when_clocks_do_not() -> None:
    before = Before(1, NOW, NOW, failures=0)
    assert before.rising(later(15)) == later(15)
    assert before.rising(NOW) == NOW + timedelta(microseconds=1)
    assert before.rising(later(-15)) == NOW + timedelta(microseconds=1)
    assert Before(0, None, None, failures=0).rising(NOW) == NOW


# ---------------------------------------------------------------------------- locking


async def test_a_current_lease_locks_its_node_and_tells_what_was_before(tx: Connection) -> None:
    await add_node(tx)
    await fetch(
        tx,
        "UPDATE node_state SET version = 7, last_attempt_at = :now, consecutive_failures = 1 RETURNING 1",
        now=NOW,
    )
    lease = await lease_node(tx)
    assert await lock_nodes(tx, [lease]) == {lease.token: Before(7, NOW, None, failures=1)}


async def test_a_lease_that_another_has_taken_over_locks_nothing(tx: Connection) -> None:
    await add_node(tx)
    await add_domain(tx)
    node, domain = await lease_node(tx), await lease_domain(tx)
    await lease_node(tx, later(15))
    await lease_domain(tx, later(13))
    assert await lock_nodes(tx, [node]) == {}
    assert await lock_domains(tx, [domain]) == {}


async def test_a_deletion_that_meets_a_recording_waits_for_it(engine: Engine) -> None:
    """A recording that had locked the schedule first would deadlock with the deletion's cascade."""
    async with engine.begin() as tx:
        node_id = await add_node(tx)
        lease = await lease_node(tx)

    async def delete() -> None:
        async with engine.begin() as other:
            await other.execute(text("DELETE FROM vps_nodes"))

    async with engine.begin() as tx:
        await lock_nodes(tx, [lease])
        deletion = asyncio.create_task(delete())
        await asyncio.wait([deletion], timeout=0.2)
        await write_node_states(tx, [outcome_row(NOW, None) | {"node_id": node_id, "version": 1}])
        await fetch(
            tx, "INSERT INTO node_samples VALUES (:id, :now, '') RETURNING 1", id=node_id, now=NOW
        )
    await asyncio.wait_for(deletion, 5)


# ---------------------------------------------------------------------------- outcomes


async def test_failures_are_counted_until_a_success_clears_them(tx: Connection) -> None:
    node_id = await add_node(tx)
    row = {"node_id": node_id, "version": 1}
    await write_node_states(tx, [outcome_row(NOW, None) | row])
    for seconds in (15, 30):
        await write_node_states(tx, [outcome_row(later(seconds), REFUSED) | row])
    assert await fetch(tx, OUTCOME) == [(later(30), NOW, "refused", REFUSED.detail, 2, 3, 2)]
    await write_node_states(tx, [outcome_row(later(45), None) | row])
    assert await fetch(tx, OUTCOME) == [(later(45), later(45), None, None, 0, 4, 2)]


async def test_a_domains_failures_are_counted_until_a_success_clears_them(tx: Connection) -> None:
    row = {"domain_id": await add_domain(tx)}
    await write_domain_states(tx, [outcome_row(NOW, REFUSED) | row])
    assert await fetch(tx, DOMAIN_OUTCOME) == [(NOW, None, "refused", REFUSED.detail, 1, 1, 1)]
    await write_domain_states(tx, [outcome_row(later(5), None) | row])
    assert await fetch(tx, DOMAIN_OUTCOME) == [(later(5), later(5), None, None, 0, 2, 1)]


async def test_what_a_failure_does_not_tell_is_kept(tx: Connection) -> None:
    node_id = await add_node(tx)
    kept = {"engine": ENGINE, "cost": {"requests": 3}, "event_time_nano": 7, "event_keys": ["a"]}
    row = {"node_id": node_id, "version": 1}
    await write_node_states(tx, [outcome_row(NOW, None) | row | kept])
    await write_node_states(tx, [outcome_row(later(15), REFUSED) | row])
    assert await read_engines(tx, [node_id]) == {node_id: ENGINE}
    rows = await fetch(tx, "SELECT cost, event_time_nano, event_keys FROM node_state")
    assert rows == [({"requests": 3}, 7, ["a"])]


async def test_each_target_of_a_batch_gets_its_own_outcome(tx: Connection) -> None:
    alpha, beta = await add_node(tx, "alpha"), await add_node(tx, "beta")
    dirty = Failure(FailureReason.PROTOCOL, "a\x00b" + "x" * 9999)
    await write_node_states(
        tx,
        [
            outcome_row(NOW, None) | {"node_id": alpha, "version": 4},
            outcome_row(NOW, dirty) | {"node_id": beta, "version": 5},
        ],
    )
    query = (
        "SELECT node_id, version, failure_reason, length(failure_detail) FROM node_state ORDER BY 1"
    )
    assert await fetch(tx, query) == [(alpha, 4, None, None), (beta, 5, "protocol", 500)]


async def test_an_engine_that_was_never_seen_is_not_read(tx: Connection) -> None:
    assert await read_engines(tx, [await add_node(tx)]) == {}


async def test_leases_of_many_targets_are_locked_at_once(tx: Connection) -> None:
    for number in range(5):
        await add_node(tx, f"node-{number}")
        await add_domain(tx, f"domain-{number}.example")
    nodes = await claim_nodes(tx, NOW, 10, DEFAULTS, NO_KEYS)
    domains = await claim_domains(tx, NOW, 10, DEFAULTS)
    assert set(await lock_nodes(tx, nodes)) == {lease.token for lease in nodes}
    assert set(await lock_domains(tx, domains)) == {lease.token for lease in domains}
