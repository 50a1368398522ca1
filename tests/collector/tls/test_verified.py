"""A chain that verified is not verified again, and nothing else is let off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial

import pytest

from collector.tls.context import verifying_context
from registry.facts.domains import Verdict
from tests.collector.tls.asking import NAME, Asker, World
from tests.parts.tls import Authority, Identity, self_signed, serve


def trust_nobody(asker: Asker) -> None:
    """From now on whatever is verified has an unknown authority."""
    asker.probe._verifier._trusting = lru_cache(partial(verifying_context, None))


async def test_a_chain_that_verified_is_not_verified_again(world: World, asker: Asker) -> None:
    with serve(world.issuer.issue([NAME])) as server:
        first = await asker.facts(server)
        trust_nobody(asker)
        assert await asker.facts(server) == first
    assert first.verdict is Verdict.OK


async def test_a_chain_with_another_name_is_told_from_the_one_that_is_known(
    world: World, asker: Asker
) -> None:
    with serve(world.issuer.issue([NAME])) as server:
        assert (await asker.facts(server)).verdict is Verdict.OK
        assert (await asker.facts(server, "else.test")).verdict is Verdict.HOSTNAME_MISMATCH


@pytest.mark.parametrize(
    ("replacement", "verdict"),
    [
        (self_signed([NAME]), Verdict.SELF_SIGNED),
        (Authority.create().issue([NAME]), Verdict.UNKNOWN_AUTHORITY),
    ],
)
async def test_another_chain_in_the_same_place_is_verified(
    world: World, asker: Asker, replacement: Identity, verdict: Verdict
) -> None:
    with serve(world.issuer.issue([NAME])) as server:
        assert (await asker.facts(server)).verdict is Verdict.OK
    with serve(replacement, port=server.port):
        assert (await asker.facts(server)).verdict is verdict


async def test_a_renewed_certificate_is_known_from_then_on(world: World, asker: Asker) -> None:
    with serve(world.issuer.issue([NAME])) as server:
        await asker.facts(server)
    renewed = world.issuer.issue([NAME])
    with serve(renewed, port=server.port):
        assert (await asker.facts(server)).certificate.fingerprint == renewed.fingerprint
        trust_nobody(asker)
        assert (await asker.facts(server)).verdict is Verdict.OK


async def test_a_known_chain_is_verified_again_when_its_dates_have_passed(
    world: World, asker: Asker
) -> None:
    with serve(world.issuer.issue([NAME])) as server:
        await asker.facts(server)
        trust_nobody(asker)
        asker.now = (datetime.now(UTC) + timedelta(days=90)).timestamp
        facts = await asker.facts(server)
    assert {fault.verdict for fault in facts.faults} == {Verdict.EXPIRED, Verdict.UNKNOWN_AUTHORITY}


async def test_a_chain_with_a_fault_is_verified_at_every_look(asker: Asker) -> None:
    with serve(self_signed([NAME])) as server:
        first, second = await asker.facts(server), await asker.facts(server)
    assert first == second
    assert first.verdict is Verdict.SELF_SIGNED


async def test_what_is_remembered_is_bounded(
    world: World, asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.tls.verified._REMEMBERED", 2)
    with serve(world.issuer.issue(["a.test", "b.test", "c.test"])) as server:
        for name in ("a.test", "b.test", "c.test"):
            assert (await asker.facts(server, name)).verdict is Verdict.OK
    assert [endpoint[3] for endpoint in asker.probe._verifier._verified] == ["b.test", "c.test"]
