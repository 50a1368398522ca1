from __future__ import annotations

from dataclasses import replace

import pytest

from registry.audit import Actor, AuditEntry, AuditFilter, stream_entries
from registry.domains import (
    DomainSpec,
    create_domain,
    delete_domain,
    get_domain,
    list_domains,
    update_domain,
)
from registry.errors import Conflict, Invalid, NotFound
from registry.facts.domains import StartTls, Verdict
from registry.nodes import NodeSpec, create_node
from registry.schedule import claim_domains
from registry.session import Connection
from tests.registry.targets import (
    DEFAULTS,
    NOW,
    REFUSED,
    endpoint,
    fetch,
    later,
    look,
    refused,
    statements,
)

ALICE = Actor("alice")
MAIL = DomainSpec("mail.test", 25, StartTls.SMTP, labels={"team": "mail"}, interval_seconds=600.0)
SHOP = DomainSpec("shop.test")


async def trail(tx: Connection) -> list[AuditEntry]:
    return [entry async for entry in stream_entries(tx, AuditFilter())]


async def test_a_new_domain_is_kept_as_given_and_due_at_once(tx: Connection) -> None:
    domain = await create_domain(tx, MAIL, ALICE, NOW)
    assert await get_domain(tx, domain.id) == domain
    assert (domain.name, domain.port, domain.starttls) == ("mail.test", 25, StartTls.SMTP)
    (lease,) = await claim_domains(tx, NOW, 10, DEFAULTS)
    assert (lease.question.starttls, lease.question.server_name) == (StartTls.SMTP, "mail.test")


async def test_a_new_domain_is_audited_as_it_is(tx: Connection) -> None:
    domain = await create_domain(tx, MAIL, ALICE, NOW)
    (entry,) = await trail(tx)
    assert (entry.action, entry.target) == ("domain.create", f"domain/{domain.id}")
    assert entry.after is not None
    assert (entry.after["starttls"], entry.after["interval"]) == ("smtp", "10m")


async def test_name_port_and_server_name_together_are_unique(tx: Connection) -> None:
    await create_domain(tx, SHOP, ALICE, NOW)
    for other in (replace(SHOP, port=8443), replace(SHOP, server_name="a.test")):
        await create_domain(tx, other, ALICE, NOW)
    for same in (SHOP, replace(SHOP, server_name="a.test"), replace(SHOP, enabled=False)):
        with pytest.raises(Conflict):
            await create_domain(tx, same, ALICE, NOW)
    assert len(await trail(tx)) == 3


async def test_a_node_is_referred_to_by_its_name(tx: Connection) -> None:
    await create_node(tx, NodeSpec("web", "unix:///x"), ALICE, NOW)
    domain = await create_domain(tx, replace(SHOP, node="web"), ALICE, NOW)
    assert domain.node == "web"
    assert (await update_domain(tx, domain.id, {"node": None}, ALICE, NOW)).node is None


async def test_a_node_that_is_not_there_is_refused_by_the_field(tx: Connection) -> None:
    with pytest.raises(Invalid) as caught:
        await create_domain(tx, replace(SHOP, node="nobody"), ALICE, NOW)
    assert [fault.field for fault in caught.value.faults] == ["node"]


async def test_a_change_is_kept_audited_and_due_at_once(tx: Connection) -> None:
    domain = await create_domain(tx, SHOP, ALICE, NOW)
    await claim_domains(tx, NOW, 10, DEFAULTS)
    changed = await update_domain(tx, domain.id, {"server_name": "x.test"}, ALICE, later(1))
    assert (changed.server_name, changed.updated_at) == ("x.test", later(1))
    (lease,) = await claim_domains(tx, later(1), 10, DEFAULTS)
    assert lease.question.server_name == "x.test"
    assert [entry.action for entry in await trail(tx)] == ["domain.create", "domain.update"]


async def test_a_change_that_changes_nothing_leaves_no_trace(tx: Connection) -> None:
    domain = await create_domain(tx, SHOP, ALICE, NOW)
    assert await update_domain(tx, domain.id, {"port": 443}, ALICE, later(1)) == domain
    assert len(await trail(tx)) == 1


async def test_a_change_into_another_domain_is_refused(tx: Connection) -> None:
    await create_domain(tx, SHOP, ALICE, NOW)
    other = await create_domain(tx, replace(SHOP, port=8443), ALICE, NOW)
    with pytest.raises(Conflict):
        await update_domain(tx, other.id, {"port": 443}, ALICE, NOW)
    assert (await get_domain(tx, other.id)).port == 8443


async def test_what_was_seen_at_the_old_port_is_forgotten(tx: Connection) -> None:
    domain = await create_domain(tx, SHOP, ALICE, NOW)
    await fetch(
        tx,
        "INSERT INTO endpoints (domain_id, address, port, first_seen_at, last_attempt_at, seconds)"
        " VALUES (:id, '192.0.2.1', 443, :now, :now, 0.1) RETURNING 1",
        id=domain.id,
        now=NOW,
    )
    assert (await get_domain(tx, domain.id)).state.endpoints
    assert not (await update_domain(tx, domain.id, {"port": 444}, ALICE, NOW)).state.endpoints


async def test_what_was_seen_is_shown_with_the_domain(tx: Connection) -> None:
    domain = await create_domain(tx, SHOP, ALICE, NOW)
    await look(tx, endpoint("192.0.2.1"), refused("192.0.2.2"))
    state = (await get_domain(tx, domain.id)).state
    good, bad = state.endpoints
    assert (good.verdict, good.not_after, good.failure) == (Verdict.OK, later(90 * 86400), None)
    assert (bad.address, bad.verdict, bad.failure) == ("192.0.2.2", None, REFUSED)
    assert (await list_domains(tx, limit=1)).items[0].state == state


async def test_a_changed_domain_is_answered_as_it_is_stored(tx: Connection) -> None:
    domain = await create_domain(tx, SHOP, ALICE, NOW)
    await look(tx, endpoint())
    for changes in ({"timeout_seconds": 5.0}, {"starttls": StartTls.IMAP, "port": 143}):
        changed = await update_domain(tx, domain.id, changes, ALICE, later(1))
        assert changed == await get_domain(tx, domain.id)


async def test_a_page_takes_the_same_statements_whatever_its_length(tx: Connection) -> None:
    for port in range(1, 10):
        await create_domain(tx, replace(SHOP, port=port), ALICE, NOW)
    with statements(tx) as run:
        for limit in (1, 9):
            await list_domains(tx, limit=limit)
    assert len(run) == 4 * 2


async def test_a_deleted_domain_is_gone_and_audited(tx: Connection) -> None:
    domain = await create_domain(tx, SHOP, ALICE, NOW)
    await delete_domain(tx, domain.id, ALICE, NOW)
    with pytest.raises(NotFound):
        await get_domain(tx, domain.id)
    assert (await trail(tx))[-1].action == "domain.delete"


async def test_what_is_not_there_is_said_not_to_be(tx: Connection) -> None:
    for act in (
        get_domain(tx, 7),
        update_domain(tx, 7, {"port": 1}, ALICE, NOW),
        delete_domain(tx, 7, ALICE, NOW),
    ):
        with pytest.raises(NotFound):
            await act


async def test_pages_go_by_name_then_number(tx: Connection) -> None:
    for name, port in (("b.test", 443), ("a.test", 443), ("a.test", 8443)):
        await create_domain(tx, DomainSpec(name, port), ALICE, NOW)
    first = await list_domains(tx, limit=2)
    rest = await list_domains(tx, limit=2, cursor=first.next)
    assert [(d.name, d.port) for d in first.items] == [("a.test", 443), ("a.test", 8443)]
    assert [d.name for d in rest.items] == ["b.test"]
    assert rest.next is None


async def test_filters_narrow_the_list(tx: Connection) -> None:
    await create_domain(tx, MAIL, ALICE, NOW)
    await create_domain(tx, replace(SHOP, enabled=False), ALICE, NOW)
    by_label = await list_domains(tx, limit=9, label=("team", "mail"))
    disabled = await list_domains(tx, limit=9, enabled=False)
    assert [d.name for d in by_label.items] == ["mail.test"]
    assert [d.name for d in disabled.items] == ["shop.test"]
