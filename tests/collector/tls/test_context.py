"""Whom a probe trusts: the system's authorities and those of a bundle."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.tls.context import verifying_context
from registry.facts.domains import Verdict
from tests.collector.tls.asking import NAME, Asker, World
from tests.parts.tls import Authority, serve


async def test_the_systems_authorities_are_trusted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(world.bundle))
    asker = Asker(None)
    with serve(world.issuer.issue([NAME])) as server:
        assert (await asker.facts(server)).verdict is Verdict.OK


async def test_a_bundle_adds_to_the_systems_authorities(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(world.bundle))
    private = Authority.create("Private")
    asker = Asker(private.bundle_path(tmp_path))
    for authority in (world.issuer, private):
        with serve(authority.issue([NAME])) as server:
            assert (await asker.facts(server)).verdict is Verdict.OK


async def test_nobody_else_is_trusted(world: World) -> None:
    with serve(world.issuer.issue([NAME])) as server:
        assert (await Asker(None).facts(server)).verdict is Verdict.UNKNOWN_AUTHORITY


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_bundle_that_holds_no_certificate_is_refused_by_name(
    tmp_path: Path, content: str | None
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    with pytest.raises(ValueError, match=str(bundle)):
        verifying_context(bundle)
