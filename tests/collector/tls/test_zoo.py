"""Every server of the zoo: facts, verdict and reason right for each."""

from __future__ import annotations

import re
import subprocess
from operator import attrgetter
from pathlib import Path

import pytest

from registry.facts.domains import EndpointFacts, EndpointOutcome, StartTls, Verdict
from tests.collector.tls.asking import Asker, World
from tests.collector.tls.zoo import FAULTY, GOOD, ZOO, Exhibit, Fails, Shows
from tests.parts.require import require_program
from tests.parts.tls import Identity

BROKEN = {Verdict.SELF_SIGNED, Verdict.UNKNOWN_AUTHORITY, Verdict.INCOMPLETE_CHAIN}
VERSIONS = {"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"}


@pytest.mark.parametrize("exhibit", ZOO, ids=attrgetter("title"))
async def test_a_server_is_seen_for_what_it_is(
    world: World, asker: Asker, exhibit: Exhibit
) -> None:
    identity = exhibit.identity(world)
    with exhibit.manner(identity) as server:
        endpoint = await asker.endpoint(
            server, exhibit.asked, starttls=exhibit.starttls, limit=exhibit.limit
        )
    if isinstance(exhibit.expected, Shows):
        assert endpoint.facts, endpoint
        shows(endpoint.facts, identity, exhibit.expected)
    else:
        fails(endpoint, exhibit.expected)


def test_the_zoo_has_one_of_every_kind() -> None:
    shown = [each.expected for each in ZOO if isinstance(each.expected, Shows)]
    faults = {verdict for expected in shown for verdict, _ in expected.faults}
    # What a staple says of a certificate, revoked, is in test_staple.py.
    assert faults == set(Verdict) - {Verdict.OK, Verdict.REVOKED}
    assert {each.starttls for each in ZOO} == set(StartTls)
    assert {expected.tls_version for expected in shown} == VERSIONS
    assert {expected.key[0] for expected in shown} == {"RSA", "ECDSA", "Ed25519"}
    assert {expected.life for expected in shown} == {6, 90, 398}


# What OpenSSL finds in a path, whatever the name that was asked for; its own limits for keys are looser.
OF_THE_PATH = [
    each
    for each in (*GOOD, *FAULTY)
    if isinstance(each.expected, Shows)
    and not {Verdict.HOSTNAME_MISMATCH, Verdict.WEAK}
    & {verdict for verdict, _ in each.expected.faults}
]


@pytest.mark.parametrize("exhibit", OF_THE_PATH, ids=attrgetter("title"))
def test_openssl_says_the_same(tmp_path: Path, world: World, exhibit: Exhibit) -> None:
    program = require_program("openssl", "openssl")
    chain = tmp_path / "chain.pem"
    identity = exhibit.identity(world)
    chain.write_bytes(identity.pem())
    command: list[str | Path] = [
        program,
        "verify",
        "-no-CApath",
        "-no-CAstore",
        "-CAfile",
        world.bundle,
    ]
    command += ["-purpose", "sslserver", "-untrusted", chain, chain]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert isinstance(exhibit.expected, Shows)
    codes = re.findall(r"^error (\d+) at", done.stderr, re.MULTILINE)
    assert {code for _, code in exhibit.expected.faults} >= set(map(int, codes[:1]))
    assert (done.returncode == 0) == (not exhibit.expected.faults)


def shows(facts: EndpointFacts, identity: Identity, expected: Shows) -> None:
    certificate = facts.certificate
    assert tuple((fault.verdict, fault.x509_code) for fault in facts.faults) == expected.faults
    assert facts.verdict == (expected.faults[0][0] if expected.faults else "ok")
    assert not expected.words or expected.words in facts.faults[0].detail
    assert (facts.chain, certificate.fingerprint) == (identity.chain, identity.fingerprint)
    assert facts.tls_version == expected.tls_version
    assert (certificate.key_type, certificate.key_bits) == expected.key
    assert (facts.chain_not_after is None) == bool(
        BROKEN & {fault.verdict for fault in facts.faults}
    )
    assert certificate.not_after
    assert certificate.not_before
    assert (certificate.not_after - certificate.not_before).days == expected.life


def fails(endpoint: EndpointOutcome, expected: Fails) -> None:
    assert endpoint.failure, endpoint
    assert endpoint.failure.reason is expected.reason
    assert expected.words in endpoint.failure.detail
    assert endpoint.failure.detail.isprintable()
