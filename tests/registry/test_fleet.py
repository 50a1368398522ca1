from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from sqlalchemy import text

from registry.collectors import CollectorBeat, beat
from registry.facts.containers import ContainerSample, ContainerState
from registry.facts.domains import StartTls, Verdict
from registry.facts.nodes import DiskKind, DiskUsage, DiskUse, EventCursor
from registry.facts.outcomes import Cost, Failure, FailureReason
from registry.fleet import (
    EventCount,
    GapCount,
    NodeStatus,
    is_fresh,
    read_fleet,
    read_node_numbers,
    read_node_page,
    read_node_status,
)
from registry.fleet_domains import EndpointStatus
from registry.observations import Recorder
from registry.partitions import create_partitions
from registry.schedule import claim_nodes
from registry.session import Connection
from tests.registry.targets import (
    DEFAULTS,
    ENGINE,
    NO_KEYS,
    NOW,
    REFUSED,
    add_domain,
    add_node,
    certificate,
    container,
    die,
    endpoint,
    later,
    look,
    node_facts,
    refused,
    scrape,
)

SAMPLE = ContainerSample("a", 1.0, cpu_total_ns=5)
FACTS = node_facts(
    container("web"),
    container("db", state=ContainerState.EXITED),
    container("api"),
    samples=[SAMPLE],
    events=[die(1), die(2), die(3, "db")],
    cursor=EventCursor(3),
)


@pytest.fixture(autouse=True)
async def days(tx: Connection) -> None:
    await create_partitions(tx, NOW, days_ahead=1)


def never_asked(name: str) -> NodeStatus:
    return NodeStatus(
        name=name,
        labels={},
        enabled=True,
        interval_seconds=15,
        created_at=NOW,
        version=0,
        last_attempt_at=None,
        last_success_at=None,
        failure=None,
        consecutive_failures=0,
        scrapes_total=0,
        failures_total=0,
        engine=None,
        cost=None,
        containers={},
    )


# ---------------------------------------------------------------------------- freshness


@pytest.mark.parametrize(
    ("interval", "age", "fresh"), [(15, 60, True), (15, 60.1, False), (60, 180, True)]
)
def test_a_node_is_fresh_for_three_intervals(interval: float, age: float, fresh: bool) -> None:
    status = replace(never_asked("alpha"), interval_seconds=interval, last_success_at=NOW)
    assert is_fresh(status, later(age)) is fresh


def test_a_node_that_was_never_seen_is_not_fresh() -> None:
    assert not is_fresh(never_asked("alpha"), NOW)


# ---------------------------------------------------------------------------- one node


async def test_a_node_that_was_never_asked_has_a_status(tx: Connection) -> None:
    await add_node(tx, "alpha")
    assert await read_node_status(tx, "alpha", DEFAULTS) == never_asked("alpha")


async def test_a_nodes_status_tells_how_it_fares(tx: Connection) -> None:
    await add_node(tx, "alpha", interval=30)
    recorder = Recorder()
    await scrape(tx, recorder, FACTS)
    await scrape(tx, recorder, REFUSED, later(30))
    expected = replace(
        never_asked("alpha"),
        interval_seconds=30,
        version=1,
        last_attempt_at=later(30),
        last_success_at=NOW,
        failure=REFUSED,
        consecutive_failures=1,
        scrapes_total=2,
        failures_total=1,
        engine=ENGINE,
        cost=Cost(3, 1000, {"list": 0.01}),
        containers={"running": 2, "exited": 1},
    )
    assert await read_node_status(tx, "alpha", DEFAULTS) == expected
    assert (await read_fleet(tx, NOW, DEFAULTS)).nodes == (expected,)


async def test_a_nodes_page_has_its_containers_and_samples(tx: Connection) -> None:
    await add_node(tx, "alpha")
    await scrape(tx, Recorder(), FACTS)
    page = await read_node_page(tx, "alpha", DEFAULTS)
    assert page is not None
    assert page.status == await read_node_status(tx, "alpha", DEFAULTS)
    by_name = sorted(page.containers, key=lambda facts: facts.name)
    assert by_name == sorted(FACTS.containers, key=lambda facts: facts.name)
    assert page.samples == (SAMPLE,)


async def test_a_nodes_numbers_are_its_page_without_containers(tx: Connection) -> None:
    await add_node(tx, "alpha")
    await scrape(tx, Recorder(), FACTS)
    page, numbers = (
        await read_node_page(tx, "alpha", DEFAULTS),
        await read_node_numbers(tx, "alpha", DEFAULTS),
    )
    assert page is not None
    assert numbers == replace(page, status=replace(page.status, containers={}), containers=())


@pytest.mark.parametrize("read", [read_node_status, read_node_page, read_node_numbers])
async def test_a_name_that_no_node_has_yields_nothing(
    tx: Connection, read: Callable[..., Awaitable[object]]
) -> None:
    await add_node(tx, "alpha")
    assert await read(tx, "beta", DEFAULTS) is None


# ---------------------------------------------------------------------------- the whole fleet


async def test_an_empty_registry_is_an_empty_fleet(tx: Connection) -> None:
    fleet = await read_fleet(tx, NOW, DEFAULTS)
    assert (fleet.nodes, fleet.domains, fleet.endpoints, fleet.event_counts) == ((), (), (), ())
    assert (fleet.overdue_targets, fleet.oldest_overdue_seconds) == (0, 0)
    assert (fleet.now, fleet.head.last_id, fleet.collectors) == (NOW, 0, ())


async def test_each_node_has_its_own_containers_in_the_fleet(tx: Connection) -> None:
    await add_node(tx, "beta")
    await scrape(tx, Recorder(), FACTS)
    await add_node(tx, "alpha", enabled=False)
    nodes = (await read_fleet(tx, NOW, DEFAULTS)).nodes
    assert [(node.name, node.enabled, dict(node.containers)) for node in nodes] == [
        ("alpha", False, {}),
        ("beta", True, {"running": 2, "exited": 1}),
    ]


async def test_events_are_counted_by_node_container_and_action(tx: Connection) -> None:
    await add_node(tx, "alpha")
    await scrape(tx, Recorder(), FACTS)
    counts = (await read_fleet(tx, NOW, DEFAULTS)).event_counts
    assert counts == (
        EventCount("alpha", "db", "die", 1),
        EventCount("alpha", "db", "die: signal", 1),
        EventCount("alpha", "web", "die", 2),
        EventCount("alpha", "web", "die: signal", 2),
    )


async def test_gaps_are_counted_by_node_and_kind(tx: Connection) -> None:
    await add_node(tx, "alpha")
    await scrape(tx, Recorder(), FACTS)
    await scrape(tx, Recorder(), replace(FACTS, events_lost=True), at=later(15))
    gaps = (await read_fleet(tx, NOW, DEFAULTS)).gap_counts
    assert gaps == (GapCount("alpha", "events", 1),)


async def test_an_endpoint_tells_what_it_showed_last_and_how_it_fails_now(tx: Connection) -> None:
    domain_id = await add_domain(tx, server_name="www.example.org")
    await look(tx, endpoint())
    await look(tx, refused(), at=later(60))
    (status,) = (await read_fleet(tx, NOW, DEFAULTS)).endpoints
    shown = certificate()
    assert status == EndpointStatus(
        domain_id=domain_id,
        domain="example.org",
        port=443,
        starttls=StartTls.NONE,
        server_name="www.example.org",
        address="192.0.2.1",
        last_attempt_at=later(60),
        last_success_at=NOW,
        failure=REFUSED,
        seconds=0.2,
        verdict=Verdict.OK,
        fingerprint=shown.fingerprint,
        subject=shown.subject,
        issuer="",
        serial_number="",
        sans=shown.sans,
        not_before=NOW,
        not_after=shown.not_after,
        chain_not_after=None,
        tls_version="TLSv1.3",
        cipher="TLS_AES_128_GCM_SHA256",
        alpn="",
        serving_since=NOW,
    )


async def test_an_endpoint_that_never_answered_has_no_certificate(tx: Connection) -> None:
    await add_domain(tx)
    await look(tx, refused())
    (status,) = (await read_fleet(tx, NOW, DEFAULTS)).endpoints
    assert (status.failure, status.fingerprint, status.sans, status.verdict) == (
        REFUSED,
        None,
        (),
        None,
    )
    assert status.server_name is None


async def test_a_domain_says_what_serves_it_where_it_was_told(tx: Connection) -> None:
    node_id = await add_node(tx, "web-1")
    domain_id = await add_domain(tx, "shop.example")
    await add_domain(tx, "lonely.example")
    await tx.execute(
        text("UPDATE domains SET node_id = :node, container = 'shop' WHERE id = :domain"),
        {"node": node_id, "domain": domain_id},
    )
    domains = (await read_fleet(tx, NOW, DEFAULTS)).domains
    assert [(domain.name, domain.node, domain.container) for domain in domains] == [
        ("shop.example", "web-1", "shop"),
        ("lonely.example", None, None),
    ]


async def test_a_domain_tells_how_its_probes_went(tx: Connection) -> None:
    domain_id = await add_domain(tx)
    failure = Failure(FailureReason.DNS, "no such name")
    await look(tx, endpoint())
    await look(tx, failure=failure, at=later(60))
    (status,) = (await read_fleet(tx, NOW, DEFAULTS)).domains
    assert (status.id, status.name, status.port, status.enabled) == (
        domain_id,
        "example.org",
        443,
        True,
    )
    assert (status.last_attempt_at, status.last_success_at) == (later(60), NOW)
    assert (status.failure, status.consecutive_failures) == (failure, 1)
    assert (status.probes_total, status.failures_total) == (2, 1)


async def test_collectors_are_part_of_the_fleet(tx: Connection) -> None:
    heartbeat = CollectorBeat(
        instance="host:1",
        version="0.1.0",
        started_at=NOW,
        probes_total=1,
        failures_total=0,
        discarded_total=0,
        cpu_seconds_total=0.5,
        resident_memory_bytes=1,
    )
    await beat(tx, heartbeat, NOW)
    (status,) = (await read_fleet(tx, NOW, DEFAULTS)).collectors
    assert (status.instance, status.last_seen_at) == ("host:1", NOW)


# ---------------------------------------------------------------------------- overdue


async def overdue(tx: Connection, at: float) -> tuple[int, float]:
    fleet = await read_fleet(tx, later(at), DEFAULTS)
    return fleet.overdue_targets, fleet.oldest_overdue_seconds


async def test_a_target_is_overdue_once_its_tick_has_passed(tx: Connection) -> None:
    await add_node(tx)
    await add_domain(tx, due_at=later(10))
    assert await overdue(tx, 0) == (0, 0)
    assert await overdue(tx, 2.5) == (1, 2.5)
    assert await overdue(tx, 12) == (2, 12)


async def test_a_target_that_is_being_asked_is_not_overdue(tx: Connection) -> None:
    await add_node(tx)
    await claim_nodes(tx, later(1), 1, DEFAULTS, NO_KEYS)
    assert await overdue(tx, 15.9) == (0, 0)
    assert await overdue(tx, 16) == (1, 16)


async def test_a_disabled_target_is_never_overdue(tx: Connection) -> None:
    await add_node(tx, enabled=False)
    await add_domain(tx, enabled=False)
    assert await overdue(tx, 900) == (0, 0)


async def test_a_page_counts_what_ended_for_want_of_memory(tx: Connection) -> None:
    await add_node(tx)
    facts = replace(FACTS, events=(die(1, action="oom"), die(2, action="oom"), die(3, "db")))
    await scrape(tx, Recorder(), facts)
    page = await read_node_numbers(tx, "alpha", DEFAULTS)
    assert page
    assert page.ooms == {"web": 2}


async def test_a_disk_is_read_as_it_was_measured(tx: Connection) -> None:
    await add_node(tx)
    disk = DiskUsage(5.0, {DiskKind.VOLUMES: DiskUse(2, 1, 300, 100)}, REFUSED)
    await scrape(tx, Recorder(), replace(FACTS, disk=disk))
    (node,) = (await read_fleet(tx, NOW, DEFAULTS)).nodes
    assert node.disk == disk
