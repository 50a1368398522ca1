"""The certificate that an engine itself shows, as a scrape records it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry.facts.nodes import NodeFacts
from registry.fleet import NodeStatus, read_fleet
from registry.observations import Recorder
from registry.partitions import create_partitions
from registry.session import Connection
from tests.parts.tls import Authority, Identity
from tests.registry.targets import (
    DEFAULTS,
    NOW,
    REFUSED,
    add_node,
    later,
    node_facts,
    scrape,
    statements,
    value,
)

ROOT = Authority.create()
SHOWN = "SELECT certificate FROM node_state"


@pytest.fixture(autouse=True)
async def days(tx: Connection) -> None:
    await create_partitions(tx, NOW, days_ahead=1)
    await add_node(tx)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def over_tls(identity: Identity) -> NodeFacts:
    """What a scrape learned of an engine that showed this over TLS."""
    return replace(node_facts(), certificate=identity.chain[0])


async def status(tx: Connection) -> NodeStatus:
    (only,) = (await read_fleet(tx, NOW, DEFAULTS)).nodes
    return only


async def test_what_an_engine_shows_over_tls_is_known_with_its_dates(
    tx: Connection, recorder: Recorder
) -> None:
    identity = ROOT.issue(["engine.test"])
    await scrape(tx, recorder, over_tls(identity))
    assert await value(tx, SHOWN) == identity.fingerprint
    dates = (await status(tx)).certificate
    assert dates
    assert dates.subject == "CN=engine.test"
    assert dates.not_after == identity.certificate.not_valid_after_utc


async def test_it_is_written_when_it_changes_and_not_at_each_scrape(
    tx: Connection, recorder: Recorder
) -> None:
    first, second = ROOT.issue(["engine.test"]), ROOT.issue(["engine.test"])
    await scrape(tx, recorder, over_tls(first))
    with statements(tx) as run:
        await scrape(tx, recorder, over_tls(first), later(15))
    assert not [one for one in run if "INTO certificates" in one]
    await scrape(tx, recorder, over_tls(second), later(30))
    assert await value(tx, SHOWN) == second.fingerprint


async def test_it_stays_known_while_the_engine_does_not_answer(
    tx: Connection, recorder: Recorder
) -> None:
    identity = ROOT.issue(["engine.test"])
    await scrape(tx, recorder, over_tls(identity))
    await scrape(tx, recorder, REFUSED, later(15))
    assert await value(tx, SHOWN) == identity.fingerprint


async def test_an_engine_that_answers_without_tls_has_none(
    tx: Connection, recorder: Recorder
) -> None:
    await scrape(tx, recorder, over_tls(ROOT.issue(["engine.test"])))
    await scrape(tx, recorder, node_facts(), later(15))
    assert await value(tx, SHOWN) is None
    assert (await status(tx)).certificate is None


async def test_what_cannot_be_read_of_it_spoils_no_scrape(
    tx: Connection, recorder: Recorder
) -> None:
    await scrape(tx, recorder, replace(node_facts(), certificate=b"\x30\x00no certificate"))
    dates = (await status(tx)).certificate
    assert dates
    assert dates.not_after is None
