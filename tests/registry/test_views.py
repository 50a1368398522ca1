"""The views that Grafana reads: each says what the tables behind it hold, in an administrator's words."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from registry.audit import Actor, append
from registry.observations import Recorder
from registry.partitions import create_partitions
from registry.session import Connection, make_engine
from tests.parts.postgres import Database
from tests.registry.targets import (
    ENGINE,
    NOW,
    REFUSED,
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
    refused,
    scrape,
    value,
)


@pytest.fixture
async def tx(database: Database) -> AsyncIterator[Connection]:
    """A transaction of the owner's, for it may write the tables and read the views."""
    engine = make_engine(database.owner_url, program="test")
    async with engine.connect() as connection:
        await connection.begin()
        await create_partitions(connection, NOW, days_ahead=1)
        yield connection
        await connection.rollback()
    await engine.dispose()


# ---------------------------------------------------------------------------- nodes


async def test_a_node_that_was_never_asked_is_listed(tx: Connection) -> None:
    await add_node(tx, "alpha", enabled=False, interval=30)
    rows = await fetch(
        tx,
        "SELECT node, enabled, last_attempt_at, engine_version, consecutive_failures, interval_seconds"
        " FROM dashboard.nodes",
    )
    assert rows == [("alpha", False, None, None, 0, 30)]


async def test_a_node_that_went_dark_keeps_its_engine_and_tells_why(tx: Connection) -> None:
    await add_node(tx)
    recorder = Recorder()
    await scrape(tx, recorder, node_facts(container()))
    await scrape(tx, recorder, REFUSED, later(15))
    rows = await fetch(
        tx,
        "SELECT engine_version, last_success_at, last_attempt_at, failure_reason, failure_detail"
        " FROM dashboard.nodes",
    )
    assert rows == [(ENGINE.version, NOW, later(15), "refused", REFUSED.detail)]
    gaps = await fetch(tx, "SELECT node, kind, reason, isfinite(gap_until) FROM dashboard.gaps")
    assert gaps == [("alpha", "state", "refused", False)]


@pytest.mark.parametrize(
    ("enabled", "ids", "names"),
    [
        (True, ("same", "same"), "alpha, beta"),
        (False, ("same", "same"), None),
        (True, ("one", "two"), None),
        (True, ("", ""), None),
    ],
    ids=["two names", "one is disabled", "two engines", "engines without an id"],
)
async def test_an_engine_that_has_several_names_tells_them(
    tx: Connection, enabled: bool, ids: tuple[str, str], names: str | None
) -> None:
    for name, engine_id in zip(("alpha", "beta"), ids, strict=True):
        node_id = await add_node(tx, name, enabled=enabled or name == "alpha")
        engine = f'{{"engine_id": "{engine_id}"}}'
        await tx.execute(
            text("UPDATE node_state SET engine = CAST(:engine AS jsonb) WHERE node_id = :id"),
            {"engine": engine, "id": node_id},
        )
    rows = await fetch(tx, "SELECT node, same_engine FROM dashboard.nodes ORDER BY node")
    assert rows == [("alpha", names), ("beta", names)]


async def test_what_is_not_asked_of_a_view_costs_nothing(tx: Connection) -> None:
    plan = await fetch(tx, "EXPLAIN SELECT node, engine_version FROM dashboard.nodes")
    assert "Aggregate" not in str(plan)


async def test_a_container_is_listed_once_and_its_history_twice(tx: Connection) -> None:
    await add_node(tx)
    recorder = Recorder()
    await scrape(tx, recorder, node_facts(container()))
    await scrape(tx, recorder, node_facts(container(restart_count=1)), later(15))
    now = "SELECT node, name, restart_count, seen_from, node_last_success_at FROM dashboard.containers"
    assert await fetch(tx, now) == [("alpha", "web", 1, later(15), later(15))]
    history = """
        SELECT restart_count, seen_from, isfinite(seen_until) FROM dashboard.container_history
        ORDER BY seen_from
    """
    assert await fetch(tx, history) == [(0, NOW, True), (1, later(15), False)]


async def test_an_event_tells_both_clocks(tx: Connection) -> None:
    await add_node(tx)
    await scrape(tx, Recorder(), node_facts(events=[die(1_000_000_000)]))
    columns = "node, recorded_at, extract(epoch FROM time), action, name, exit_code"
    rows = await fetch(tx, f"SELECT {columns} FROM dashboard.events")
    assert rows == [("alpha", NOW, 1, "die", "web", 137)]


# ---------------------------------------------------------------------------- domains


async def test_a_domain_names_its_node_and_the_name_that_it_asks_for(tx: Connection) -> None:
    node_id = await add_node(tx)
    await add_domain(tx, "a.example", server_name="other.example")
    await add_domain(tx, "b.example")
    await tx.execute(
        text("UPDATE domains SET node_id = :id WHERE name = 'b.example'"), {"id": node_id}
    )
    rows = await fetch(
        tx, "SELECT domain, server_name, node FROM dashboard.domains ORDER BY domain"
    )
    assert rows == [("a.example", "other.example", None), ("b.example", "b.example", "alpha")]


async def test_who_served_which_certificate_is_told_from_when_until_when(tx: Connection) -> None:
    await add_domain(tx)
    await look(tx, endpoint("192.0.2.1", certificate("old")))
    await look(tx, endpoint("192.0.2.1", certificate("new")), at=later(60))
    rows = await fetch(
        tx,
        "SELECT domain, address, subject, seen_from, seen_until, last_seen_at"
        " FROM dashboard.served_certificates ORDER BY seen_from",
    )
    assert rows == [
        ("example.org", "192.0.2.1", "CN=old", NOW, later(60), NOW),
        ("example.org", "192.0.2.1", "CN=new", later(60), None, later(60)),
    ]


async def test_an_endpoint_tells_since_when_it_serves_what_it_does(tx: Connection) -> None:
    await add_domain(tx)
    await look(tx, endpoint("192.0.2.1", certificate("old")))
    await look(tx, endpoint("192.0.2.1", certificate("new")), at=later(60))
    rows = await fetch(
        tx, "SELECT source, staple, serving_since, renewals_total FROM dashboard.endpoints"
    )
    assert rows == [("resolved", None, later(60), 1)]


async def test_an_endpoint_that_refuses_keeps_the_certificate_that_it_served(
    tx: Connection,
) -> None:
    await add_domain(tx)
    await look(tx, endpoint())
    await look(tx, refused(), at=later(60))
    rows = await fetch(
        tx,
        "SELECT address, failure_reason, verdict, fingerprint_sha256, subject, tls_version"
        " FROM dashboard.endpoints",
    )
    shown = certificate()
    expected = ("192.0.2.1", "refused", "ok", shown.fingerprint, shown.subject, "TLSv1.3")
    assert rows == [expected]


async def test_a_certificate_names_each_who_serves_it_once(tx: Connection) -> None:
    await add_domain(tx)
    await look(tx, endpoint("192.0.2.1"), endpoint("192.0.2.2"))
    served = "SELECT served_by FROM dashboard.certificates WHERE fingerprint_sha256 = :fingerprint"
    old, new = certificate(), certificate("renewed.example")
    assert await value(tx, served, fingerprint=old.fingerprint) == ["example.org:443"]
    await look(tx, endpoint("192.0.2.1", new), endpoint("192.0.2.2", new), at=later(60))
    assert await value(tx, served, fingerprint=old.fingerprint) == []
    assert await value(tx, served, fingerprint=new.fingerprint) == ["example.org:443"]


# ---------------------------------------------------------------------------- audit


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        (None, {"name": "alpha", "enabled": True, "port": None}, "enabled: true\nname: alpha"),
        ({"name": "alpha"}, None, "name: alpha → —"),
        ({"name": "alpha", "port": 1}, {"name": "alpha", "port": 2}, "port: 1 → 2"),
        ({"node": None}, {"node": "alpha"}, "node: — → alpha"),
        ({"labels": {"a": "1"}}, {"labels": {}}, 'labels: {"a": "1"} → {}'),
        ({"name": "alpha"}, {"name": "alpha"}, None),
        (None, None, None),
    ],
)
async def test_an_entry_reads_as_one_line_a_changed_field(
    tx: Connection,
    before: dict[str, object] | None,
    after: dict[str, object] | None,
    changes: str | None,
) -> None:
    actor = Actor("anna", "192.0.2.7")
    await append(
        tx, actor, action="node.update", target="alpha", before=before, after=after, now=NOW
    )
    rows = await fetch(tx, "SELECT id, actor, address, changes, result FROM dashboard.audit")
    assert rows == [(1, "anna", "192.0.2.7", changes, "ok")]


async def test_an_entry_whose_side_is_jsons_null_is_read_too(tx: Connection) -> None:
    await tx.execute(
        text(
            "INSERT INTO audit_logs VALUES"
            " (1, :now, 'a', 'b', 'c', 'null', '[1]', '', '', 'ok', '', '')"
        ),
        {"now": NOW},
    )
    assert await fetch(tx, "SELECT changes FROM dashboard.audit") == [(None,)]
