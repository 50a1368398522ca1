"""Whatever bytes a server calls a certificate: read as far as possible, never a crash, never a wrong ok."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from collector.tls.answer import Shown
from collector.tls.judge import judge
from registry.facts.domains import CertificateFacts, Verdict
from registry.x509 import read_certificate
from tests.collector.tls.asking import NAME
from tests.parts.tls import Authority, PrivateKey, rsa_key

ROOT = Authority.create()
HONEST = ROOT.issue([NAME, "192.0.2.1"], ca_issuers="http://issuer.example/ca.crt").chain[0]


def facts_of(certificate: x509.Certificate) -> CertificateFacts:
    return read_certificate(certificate.public_bytes(Encoding.DER)).facts


# ---------------------------------------------------------------------------- honest


@pytest.mark.parametrize(
    ("key", "kind", "bits"),
    [
        (rsa_key(2048), "RSA", 2048),
        (ec.generate_private_key(ec.SECP384R1()), "ECDSA", 384),
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519", None),
    ],
)
def test_the_kind_and_size_of_a_key_are_facts(key: PrivateKey, kind: str, bits: int | None) -> None:
    facts = facts_of(ROOT.issue([NAME], key=key).certificate)
    assert (facts.key_type, facts.key_bits, facts.parse_error) == (kind, bits, "")


def test_a_key_that_resists_quantum_computers_is_named() -> None:
    mldsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.mldsa")
    facts = facts_of(ROOT.issue([NAME], key=mldsa.MLDSA65PrivateKey.generate()).certificate)
    assert (facts.key_type, facts.key_bits, facts.parse_error) == ("ML-DSA-65", None, "")


def test_the_signature_algorithm_is_a_fact() -> None:
    issuer = Authority.create("RSA", key=rsa_key())
    assert facts_of(issuer.certificate).signature_algorithm == "rsa-with-sha256"
    assert facts_of(issuer.issue([NAME], sha1=True).certificate).signature_algorithm == (
        "rsa-with-sha1"
    )


def test_dates_beyond_2050_are_read() -> None:
    end = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert facts_of(ROOT.issue([NAME], not_after=end).certificate).not_after == end


def test_an_empty_subject_and_no_names_are_facts() -> None:
    facts = facts_of(ROOT.issue([]).certificate)
    assert (facts.subject, facts.sans, facts.parse_error) == ("", (), "")


def test_thousands_of_names_are_all_read() -> None:
    names = [f"host-{number}.example.test" for number in range(3000)]
    assert facts_of(ROOT.issue(names).certificate).sans == tuple(names)


def test_what_must_not_reach_a_terminal_or_a_database_is_escaped() -> None:
    identity = ROOT.issue(["a\0b.test"], common_name="red \x1b[31m \0 \u202e")
    facts = facts_of(identity.certificate)
    assert facts.sans == ("a\\x00b.test",)
    assert facts.subject.isprintable()
    assert "\\x1b" in facts.subject


def test_a_certificate_is_remembered_but_not_one_larger_than_any_honest_one() -> None:
    padding = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), bytes(17_000))
    large = ROOT.issue([NAME], extensions=[padding]).chain[0]
    assert read_certificate(HONEST) is read_certificate(bytes(bytearray(HONEST)))
    assert read_certificate(large) is not read_certificate(large)


# ---------------------------------------------------------------------------- not honest


@pytest.mark.parametrize("der", [b"", b"\0", b"garbage", b"0\x82\xff\xff", HONEST[:-1]])
def test_what_is_no_certificate_is_a_fact_with_the_parsers_words(der: bytes) -> None:
    facts = read_certificate(der).facts
    assert facts == CertificateFacts(
        hashlib.sha256(der).hexdigest(), der, parse_error=facts.parse_error
    )
    assert facts.parse_error


def test_a_bad_extension_hides_neither_dates_nor_subject() -> None:
    bad = x509.UnrecognizedExtension(x509.oid.ExtensionOID.KEY_USAGE, b"nonsense")
    facts = facts_of(ROOT.issue([NAME], extensions=[bad]).certificate)
    assert facts.parse_error.startswith("extensions: ")
    assert facts.subject == f"CN={NAME}"
    assert facts.not_after


def test_a_negative_serial_number_is_read_without_a_warning() -> None:
    # Behind the version (a0 03 02 01 02) stands the serial number: 02, its length, its first byte.
    first = HONEST.index(bytes.fromhex("a003020102")) + 7
    der = HONEST[:first] + bytes([HONEST[first] | 0x80]) + HONEST[first + 1 :]
    facts = read_certificate(der).facts
    assert facts.serial_number.startswith("-")
    assert facts.parse_error == ""


def check(der: bytes) -> None:
    """Nothing raised, the identity kept, all text printable; and ok only with names and dates."""
    facts = read_certificate(der).facts
    assert facts.der == der
    assert facts.fingerprint == hashlib.sha256(der).hexdigest()
    texts = (facts.subject, facts.issuer, facts.parse_error, facts.key_type, *facts.sans)
    assert all(text.isprintable() for text in texts)
    judged = judge(Shown((der,), (der,), (), "TLSv1.3", ""), NAME, datetime.now(UTC))
    if judged.verdict is Verdict.OK:
        assert NAME in map(str.lower, facts.sans)
        assert facts.not_before
        assert facts.not_after


@given(st.binary(max_size=2000))
def test_random_bytes_are_never_a_crash(der: bytes) -> None:
    check(der)


@given(st.lists(st.tuples(st.integers(0, len(HONEST) - 1), st.integers(0, 255)), max_size=6))
def test_a_certificate_with_changed_bytes_is_never_a_crash(changes: list[tuple[int, int]]) -> None:
    der = bytearray(HONEST)
    for place, value in changes:
        der[place] = value
    check(bytes(der))


@given(st.integers(0, len(HONEST)), st.integers(0, len(HONEST)), st.binary(max_size=40))
def test_a_certificate_with_a_part_replaced_is_never_a_crash(
    start: int, end: int, part: bytes
) -> None:
    check(HONEST[:start] + part + HONEST[end:])
