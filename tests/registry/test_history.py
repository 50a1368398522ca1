from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from registry.endpoints import Look, write_looks
from registry.errors import Invalid, NotFound
from registry.events import Happened, write_events
from registry.facts.containers import ContainerState
from registry.facts.domains import CertificateFacts, DomainFacts
from registry.history import (
    CertificateRow,
    ContainerRow,
    EventRow,
    ServingEndpoint,
    get_certificate,
    list_certificates,
    list_containers,
    list_events,
)
from registry.paging import Page, encode_cursor
from registry.partitions import create_partitions
from registry.session import Connection
from registry.snapshots import Change, write_changes
from tests.registry.targets import (
    NOW,
    add_domain,
    add_node,
    certificate,
    container,
    die,
    endpoint,
    later,
)

ItemT = TypeVar("ItemT")


@pytest.fixture(autouse=True)
async def days(tx: Connection) -> None:
    await create_partitions(tx, NOW, days_ahead=1)


async def walk(
    tx: Connection, read: Callable[..., Awaitable[Page[ItemT]]], limit: int = 2
) -> list[ItemT]:
    """Read a list page by page to its end."""
    page = await read(tx, limit=limit)
    items = page.items
    while page.next is not None:
        assert len(page.items) == limit
        page = await read(tx, limit=limit, cursor=page.next)
        items += page.items
    return items


# ---------------------------------------------------------------------------- containers


@pytest.fixture
async def containers(tx: Connection) -> None:
    beta, alpha = await add_node(tx, "beta"), await add_node(tx, "alpha")
    exited = container("db", state=ContainerState.EXITED)
    twin = container("web", container_id="twin")
    seen = [
        Change(alpha, NOW, (), (container("web"), container("db"), twin)),
        Change(beta, later(5), (), (container("web"), exited)),
    ]
    await write_changes(tx, seen)
    gone = container("gone")
    await write_changes(tx, [Change(alpha, NOW, (), (gone,))])
    await write_changes(tx, [Change(alpha, later(9), (gone.container_id,), ())])


def places(rows: list[ContainerRow]) -> list[tuple[str, str]]:
    return [(row.node, row.facts.name) for row in rows]


@pytest.mark.usefixtures("containers")
async def test_containers_are_listed_as_they_are_now_by_node_and_name(tx: Connection) -> None:
    page = await list_containers(tx, limit=10)
    assert page.next is None
    assert places(page.items) == [
        *(("alpha", "db"), ("alpha", "web"), ("alpha", "web")),
        *(("beta", "db"), ("beta", "web")),
    ]
    assert page.items[-1] == ContainerRow("beta", container("web"), later(5))


@pytest.mark.usefixtures("containers")
@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_pages_of_containers_join_without_seam(tx: Connection, limit: int) -> None:
    whole = await list_containers(tx, limit=10)
    assert await walk(tx, list_containers, limit) == whole.items


@pytest.mark.usefixtures("containers")
async def test_containers_are_filtered(tx: Connection) -> None:
    of_beta = await list_containers(tx, limit=10, node="beta")
    assert places(of_beta.items) == [("beta", "db"), ("beta", "web")]
    exited = await list_containers(tx, limit=10, state=ContainerState.EXITED)
    assert places(exited.items) == [("beta", "db")]
    of_that_name = await list_containers(tx, limit=10, name="db")
    assert places(of_that_name.items) == [("alpha", "db"), ("beta", "db")]
    both = await list_containers(tx, limit=10, name="web", state=ContainerState.EXITED)
    assert both.items == []


# ---------------------------------------------------------------------------- events


@pytest.fixture
async def happened(tx: Connection) -> None:
    alpha, beta = await add_node(tx, "alpha"), await add_node(tx, "beta")
    await write_events(tx, [Happened(alpha, NOW, (die(1), die(2, "db", "start")))])
    await write_events(tx, [Happened(beta, later(60), (die(3),))])


def what(rows: list[EventRow]) -> list[tuple[str, str, str]]:
    return [(row.node, row.name, row.action) for row in rows]


@pytest.mark.usefixtures("happened")
async def test_events_are_listed_newest_first(tx: Connection) -> None:
    page = await list_events(tx, limit=10)
    assert what(page.items) == [
        ("beta", "web", "die"),
        ("alpha", "db", "start"),
        ("alpha", "web", "die"),
    ]
    newest = page.items[0]
    assert (newest.recorded_at, newest.time_nano, newest.exit_code) == (later(60), 3, 137)
    assert (newest.kind, newest.image) == ("container", "nginx:1.27")


@pytest.mark.usefixtures("happened")
@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_pages_of_events_join_without_seam(tx: Connection, limit: int) -> None:
    assert len(await walk(tx, list_events, limit)) == 3


@pytest.mark.usefixtures("happened")
async def test_events_are_filtered(tx: Connection) -> None:
    assert len((await list_events(tx, limit=10, node="alpha")).items) == 2
    assert what((await list_events(tx, limit=10, action="start")).items) == [
        ("alpha", "db", "start")
    ]
    assert len((await list_events(tx, limit=10, name="web")).items) == 2
    assert len((await list_events(tx, limit=10, since=later(60))).items) == 1
    assert len((await list_events(tx, limit=10, until=later(60))).items) == 2


# ---------------------------------------------------------------------------- certificates

SOON, LATE = certificate("soon", later(10)), certificate("late", later(99))
BROKEN = CertificateFacts("00", b"\x30", parse_error="not a certificate")


@pytest.fixture
async def served(tx: Connection) -> int:
    domain_id = await add_domain(tx)
    first = (
        endpoint("192.0.2.1", LATE),
        endpoint("192.0.2.2", BROKEN),
        endpoint("192.0.2.3", SOON),
    )
    await write_looks(tx, [Look(domain_id, NOW, DomainFacts(first))])
    then = (endpoint("192.0.2.1", LATE), endpoint("192.0.2.2", BROKEN), endpoint("192.0.2.3", LATE))
    await write_looks(tx, [Look(domain_id, later(60), DomainFacts(then))])
    return domain_id


@pytest.mark.usefixtures("served")
async def test_certificates_are_listed_by_their_end(tx: Connection) -> None:
    page = await list_certificates(tx, limit=10)
    assert [row.facts for row in page.items] == [SOON, LATE, BROKEN]


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_pages_of_certificates_join_without_seam(tx: Connection, limit: int) -> None:
    rows = await walk(tx, list_certificates, limit)
    assert [row.facts for row in rows] == [SOON, LATE, BROKEN]


@pytest.mark.usefixtures("served")
async def test_certificates_that_end_before_a_moment_are_listed(tx: Connection) -> None:
    page = await list_certificates(tx, limit=10, expires_before=later(99))
    assert [row.facts for row in page.items] == [SOON]


async def test_a_certificate_tells_where_it_is_served(tx: Connection, served: int) -> None:
    places = tuple(
        ServingEndpoint(served, "example.org", address, 443)
        for address in ("192.0.2.1", "192.0.2.3")
    )
    expected = CertificateRow(LATE, NOW, later(60), places, issuers=(b"issuer",))
    assert await get_certificate(tx, LATE.fingerprint) == expected


@pytest.mark.usefixtures("served")
async def test_a_certificate_that_was_replaced_is_served_nowhere(tx: Connection) -> None:
    row = CertificateRow(SOON, NOW, NOW, (), issuers=(b"issuer",))
    assert await get_certificate(tx, SOON.fingerprint) == row


async def test_a_certificate_that_was_never_seen_is_not_found(tx: Connection) -> None:
    with pytest.raises(NotFound, match="certificate ff"):
        await get_certificate(tx, "ff")


# ---------------------------------------------------------------------------- cursors


@pytest.mark.parametrize("read", [list_containers, list_events, list_certificates])
@pytest.mark.parametrize(
    "cursor", ["", "x", encode_cursor(True), encode_cursor(1, 2), encode_cursor()]
)
async def test_a_cursor_that_is_not_this_lists_is_refused(
    tx: Connection, read: Callable[..., Awaitable[object]], cursor: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        await read(tx, limit=1, cursor=cursor)
    assert [(fault.field, fault.rule) for fault in refusal.value.faults] == [("cursor", "cursor")]


@pytest.mark.parametrize(
    ("read", "key"),
    [
        (list_containers, r'["a\u0000", "b", "c"]'),
        (list_containers, r'["\ud800", "b", "c"]'),
        (list_events, f"[{2**63}]"),
    ],
)
async def test_a_cursor_that_the_database_cannot_compare_with_is_refused(
    tx: Connection, read: Callable[..., Awaitable[object]], key: str
) -> None:
    with pytest.raises(Invalid):
        await read(tx, limit=1, cursor=urlsafe_b64encode(key.encode()).decode())
