"""What is said of a certificate beside what the zoo shows: all its facts, whose clock, whose trust."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.tls.answer import Shown, VerifyError
from collector.tls.judge import judge
from registry.facts.domains import EndpointFacts, Verdict
from tests.collector.tls.asking import NAME, Asker, World, verdicts
from tests.parts.tls import Authority, Identity, self_signed, serve

YESTERDAY = datetime.now(UTC) - timedelta(days=1)
TOMORROW = datetime.now(UTC) + timedelta(days=1)


async def look(asker: Asker, identity: Identity, name: str = NAME) -> EndpointFacts:
    with serve(identity) as server:
        return await asker.facts(server, name)


# ---------------------------------------------------------------------------- well


async def test_a_good_certificate_is_ok_and_all_its_facts_are_read(
    world: World, asker: Asker
) -> None:
    identity = world.issuer.issue([NAME, "www.example.test", "127.0.0.1"])
    facts = await look(asker, identity)
    certificate = facts.certificate
    assert (facts.verdict, facts.faults) == (Verdict.OK, ())
    assert facts.chain == identity.chain
    assert facts.tls_version == "TLSv1.3"
    assert facts.cipher.startswith("TLS_AES_")
    assert certificate.fingerprint == identity.fingerprint
    assert certificate.der == identity.chain[0]
    assert certificate.subject == f"CN={NAME}"
    assert certificate.issuer == "CN=Test Intermediate"
    assert certificate.sans == (NAME, "www.example.test", "127.0.0.1")
    assert certificate.not_after == identity.certificate.not_valid_after_utc
    assert (certificate.key_type, certificate.key_bits) == ("ECDSA", 256)
    assert certificate.signature_algorithm == "ecdsa-with-sha256"
    assert int(certificate.serial_number, 16) == identity.certificate.serial_number


async def test_a_verified_chain_ends_with_the_first_of_its_certificates_to_expire(
    world: World, asker: Asker
) -> None:
    end = TOMORROW.replace(microsecond=0)
    short_lived = world.root.intermediate(not_after=end)
    facts = await look(asker, short_lived.issue([NAME]))
    assert facts.verdict is Verdict.OK
    assert facts.chain_not_after == end


async def test_an_intermediate_in_the_bundle_is_trusted_without_its_root(
    tmp_path: Path, world: World
) -> None:
    asker = Asker(world.issuer.bundle_path(tmp_path))
    assert (await look(asker, world.issuer.issue([NAME]))).verdict is Verdict.OK


# ---------------------------------------------------------------------------- dates


async def test_dates_are_judged_by_the_clock_that_was_given(world: World, asker: Asker) -> None:
    with serve(world.issuer.issue([NAME])) as server:
        assert (await asker.facts(server)).verdict is Verdict.OK
        asker.now = (datetime.now(UTC) + timedelta(days=90)).timestamp
        assert (await asker.facts(server)).verdict is Verdict.EXPIRED
        asker.now = (datetime.now(UTC) - timedelta(days=2)).timestamp
        assert (await asker.facts(server)).verdict is Verdict.NOT_YET_VALID


# ---------------------------------------------------------------------------- names


async def test_another_name_is_a_mismatch_that_lists_what_the_certificate_has(
    world: World, asker: Asker
) -> None:
    facts = await look(asker, world.issuer.issue(["a.test", "b.test"]))
    assert verdicts(facts) == [Verdict.HOSTNAME_MISMATCH]
    assert (
        facts.faults[0].detail == "example.test is not its name; it was issued for a.test, b.test"
    )


# ---------------------------------------------------------------------------- trust


async def test_a_self_signed_certificate_in_the_bundle_is_trusted(
    tmp_path: Path, world: World
) -> None:
    identity = self_signed([NAME])
    asker = Asker(Authority(identity.key, identity.certificate).bundle_path(tmp_path))
    assert (await look(asker, identity)).verdict is Verdict.OK


# ---------------------------------------------------------------------------- weak


async def test_a_roots_own_sha1_signature_is_not_weak(tmp_path: Path) -> None:
    root = Authority.create("Old root", sha1=True)
    asker = Asker(root.bundle_path(tmp_path))
    identity = root.issue([NAME])
    assert (await look(asker, identity.sending(root.certificate))).verdict is Verdict.OK


# ---------------------------------------------------------------------------- pure


def shown(identity: Identity, *errors: VerifyError) -> Shown:
    return Shown(identity.chain, identity.chain, errors, "TLSv1.3", "TLS_AES_128_GCM_SHA256")


def test_a_revoked_certificate_is_revoked_before_all_else(world: World) -> None:
    identity = world.issuer.issue([NAME], not_before=YESTERDAY, not_after=YESTERDAY)
    facts = judge(shown(identity, VerifyError(23, 0)), NAME, datetime.now(UTC))
    assert verdicts(facts) == [Verdict.REVOKED, Verdict.EXPIRED]


@pytest.mark.parametrize("code", [1, 4, 6, 7, 17, 27, 28, 34, 79, 94, 999])
def test_no_error_of_openssl_is_ok(world: World, code: int) -> None:
    identity = world.issuer.issue([NAME])
    facts = judge(shown(identity, VerifyError(code, 5)), NAME, datetime.now(UTC))
    assert verdicts(facts) == [Verdict.UNKNOWN_AUTHORITY]
    assert facts.faults[0].x509_code == code


ERRORS = st.builds(VerifyError, st.integers(1, 120), st.integers(0, 9))
GOOD = Authority.create().issue([NAME])


@given(st.lists(ERRORS, min_size=1, max_size=6))
def test_any_errors_at_once_are_told_in_order_and_only_dates_are_ours_to_judge(
    errors: list[VerifyError],
) -> None:
    facts = judge(shown(GOOD, *errors), NAME, datetime.now(UTC))
    found, order = verdicts(facts), list(Verdict)
    assert found == sorted(found, key=order.index)
    assert facts.verdict is (found[0] if found else Verdict.OK)
    assert (facts.verdict is Verdict.OK) == ({error.code for error in errors} <= {9, 10})


@pytest.mark.parametrize("code", [66, 67, 68])
def test_what_openssl_calls_too_small_or_weak_is_weak(world: World, code: int) -> None:
    identity = world.issuer.issue([NAME])
    facts = judge(shown(identity, VerifyError(code, 0)), NAME, datetime.now(UTC))
    assert facts.verdict is Verdict.WEAK


def test_openssls_dates_count_where_the_parser_reads_none() -> None:
    garbage = Shown((b"garbage",), (b"garbage",), (VerifyError(10, 0),), "TLSv1.3", "")
    facts = judge(garbage, NAME, datetime.now(UTC))
    assert verdicts(facts) == [Verdict.EXPIRED, Verdict.HOSTNAME_MISMATCH, Verdict.WEAK]
    assert facts.certificate.parse_error in facts.faults[1].detail
