"""Real servers with every kind of certificate: the verdict, all faults, and the facts beside them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from collector.tls.answer import Shown, VerifyError
from collector.tls.judge import judge
from registry.facts.domains import EndpointFacts, Verdict
from tests.collector.tls.asking import NAME, Asker, World, verdicts
from tests.parts.tls import Authority, Identity, rsa_key, self_signed, serve

YESTERDAY = datetime.now(UTC) - timedelta(days=1)
TOMORROW = datetime.now(UTC) + timedelta(days=1)
ISSUER_URL = "http://issuer.example/ca.crt"


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


async def test_a_chain_out_of_order_and_with_extras_is_ok_and_kept_as_sent(
    world: World, asker: Asker
) -> None:
    stranger = Authority.create("Stranger").certificate
    good = world.issuer.issue([NAME])
    identity = good.sending(world.root.certificate, stranger, *good.sent)
    facts = await look(asker, identity)
    assert facts.verdict is Verdict.OK
    assert facts.chain == identity.chain


async def test_an_intermediate_in_the_bundle_is_trusted_without_its_root(
    tmp_path: Path, world: World
) -> None:
    asker = Asker(world.issuer.bundle_path(tmp_path))
    assert (await look(asker, world.issuer.issue([NAME]))).verdict is Verdict.OK


# ---------------------------------------------------------------------------- dates


async def test_an_expired_certificate_is_a_fact_with_a_verdict(world: World, asker: Asker) -> None:
    facts = await look(asker, world.issuer.issue([NAME], not_before=YESTERDAY, not_after=YESTERDAY))
    assert verdicts(facts) == [Verdict.EXPIRED]
    assert f"{YESTERDAY:%Y-%m-%d}" in facts.faults[0].detail
    assert facts.faults[0].x509_code == 10
    assert facts.chain_not_after  # dates aside, the chain verified


async def test_a_certificate_from_tomorrow_is_not_yet_valid(world: World, asker: Asker) -> None:
    facts = await look(asker, world.issuer.issue([NAME], not_before=TOMORROW))
    assert verdicts(facts) == [Verdict.NOT_YET_VALID]
    assert facts.faults[0].x509_code == 9


async def test_an_expired_intermediate_expires_the_endpoint_and_is_named(
    world: World, asker: Asker
) -> None:
    facts = await look(asker, world.root.intermediate("Old", not_after=YESTERDAY).issue([NAME]))
    assert verdicts(facts) == [Verdict.EXPIRED]
    assert facts.faults[0].detail.startswith("authority CN=Old: it expired at")


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


async def test_a_common_name_is_no_name(world: World, asker: Asker) -> None:
    identity = world.issuer.issue([], common_name=NAME)
    assert verdicts(await look(asker, identity)) == [Verdict.HOSTNAME_MISMATCH]


async def test_an_address_is_matched_with_the_addresses_of_the_certificate(
    world: World, asker: Asker
) -> None:
    with serve(world.issuer.issue(["127.0.0.1"])) as server:
        assert (await asker.facts(server, "127.0.0.1")).verdict is Verdict.OK
        facts = await asker.facts(server, "127.0.0.2")
    assert verdicts(facts) == [Verdict.HOSTNAME_MISMATCH]
    assert facts.faults[0].x509_code == 64


# ---------------------------------------------------------------------------- trust


async def test_a_certificate_that_signed_itself_is_self_signed(asker: Asker) -> None:
    facts = await look(asker, self_signed([NAME]))
    assert verdicts(facts) == [Verdict.SELF_SIGNED]
    assert facts.chain_not_after is None


async def test_a_self_signed_certificate_in_the_bundle_is_trusted(
    tmp_path: Path, world: World
) -> None:
    identity = self_signed([NAME])
    asker = Asker(Authority(identity.key, identity.certificate).bundle_path(tmp_path))
    assert (await look(asker, identity)).verdict is Verdict.OK


async def test_an_issuer_that_was_not_sent_but_can_be_fetched_is_an_incomplete_chain(
    world: World, asker: Asker
) -> None:
    facts = await look(asker, world.issuer.issue([NAME], ca_issuers=ISSUER_URL).sending())
    assert verdicts(facts) == [Verdict.INCOMPLETE_CHAIN]
    assert ISSUER_URL in facts.faults[0].detail
    assert facts.chain_not_after is None


async def test_an_issuer_that_was_not_sent_and_nobody_names_is_an_unknown_authority(
    world: World, asker: Asker
) -> None:
    facts = await look(asker, world.issuer.issue([NAME]).sending())
    assert verdicts(facts) == [Verdict.UNKNOWN_AUTHORITY]
    assert "CN=Test Intermediate" in facts.faults[0].detail


@pytest.mark.parametrize("sends_root", [False, True])
async def test_a_root_that_is_not_trusted_is_an_unknown_authority(
    asker: Asker, sends_root: bool
) -> None:
    stranger = Authority.create("Stranger")
    identity = stranger.issue([NAME])
    facts = await look(asker, identity.sending(stranger.certificate) if sends_root else identity)
    assert verdicts(facts) == [Verdict.UNKNOWN_AUTHORITY]
    assert "CN=Stranger" in facts.faults[0].detail


async def test_a_namesake_of_the_trusted_authority_is_not_trusted(asker: Asker) -> None:
    facts = await look(asker, Authority.create().issue([NAME]))
    assert facts.verdict is Verdict.UNKNOWN_AUTHORITY


def name_constraint(world: World) -> Identity:
    elsewhere = x509.NameConstraints([x509.DNSName("other.test")], None)
    return world.root.intermediate("Elsewhere", extensions=[elsewhere]).issue([NAME])


def excluded_name(world: World) -> Identity:
    not_here = x509.NameConstraints(None, [x509.DNSName(NAME)])
    return world.root.intermediate("Not here", extensions=[not_here]).issue([NAME])


def client_certificate(world: World) -> Identity:
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    return world.issuer.issue([NAME], extensions=[usage])


def path_too_long(world: World) -> Identity:
    last = world.root.intermediate("Last", path_length=0)
    return last.intermediate("One more").issue([NAME])


def issued_by_a_leaf(world: World) -> Identity:
    leaf = world.issuer.issue(["not-an-authority.test"])
    return Authority(leaf.key, leaf.certificate, (leaf.certificate, *leaf.sent)).issue([NAME])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (name_constraint, "permits no such name"),
        (excluded_name, "excludes such names"),
        (client_certificate, "may not be used for TLS servers"),
        (path_too_long, "path length"),
        (issued_by_a_leaf, "is no authority"),
    ],
)
async def test_what_openssl_finds_wrong_with_a_path_is_an_unknown_authority(
    world: World, asker: Asker, make: Callable[[World], Identity], words: str
) -> None:
    facts = await look(asker, make(world))
    assert set(verdicts(facts)) == {Verdict.UNKNOWN_AUTHORITY}
    assert any(words in fault.detail for fault in facts.faults)


# ---------------------------------------------------------------------------- weak


async def test_a_short_rsa_key_is_weak(world: World, asker: Asker) -> None:
    facts = await look(asker, world.issuer.issue([NAME], key=rsa_key(1024)))
    assert verdicts(facts) == [Verdict.WEAK]
    assert "1024 bits" in facts.faults[0].detail


async def test_an_authoritys_short_key_is_weak_too(world: World, asker: Asker) -> None:
    issuer = world.root.intermediate("Short", key=rsa_key(1024))
    facts = await look(asker, issuer.issue([NAME]))
    assert [fault.detail for fault in facts.faults] == [
        "authority CN=Short: its RSA key has 1024 bits only"
    ]


async def test_a_sha1_signature_is_weak(world: World, asker: Asker) -> None:
    facts = await look(asker, world.issuer.issue([NAME], sha1=True))
    assert verdicts(facts) == [Verdict.WEAK]
    assert "sha1" in facts.faults[0].detail


async def test_a_roots_own_sha1_signature_is_not_weak(tmp_path: Path) -> None:
    root = Authority.create("Old root", sha1=True)
    asker = Asker(root.bundle_path(tmp_path))
    identity = root.issue([NAME])
    assert (await look(asker, identity.sending(root.certificate))).verdict is Verdict.OK


async def test_all_faults_are_told_and_the_most_pressing_is_the_verdict(
    world: World, asker: Asker
) -> None:
    identity = Authority.create("Stranger").issue(
        ["elsewhere.test"], key=rsa_key(1024), sha1=True, not_before=YESTERDAY, not_after=YESTERDAY
    )
    facts = await look(asker, identity)
    assert facts.verdict is Verdict.EXPIRED
    assert verdicts(facts) == [
        Verdict.EXPIRED,
        Verdict.HOSTNAME_MISMATCH,
        Verdict.UNKNOWN_AUTHORITY,
        Verdict.WEAK,
        Verdict.WEAK,
    ]


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
