"""The OCSP response that a server staples: believed where its issuer vouches for it, and for its time."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from collector.tls.staple import judge_staple
from registry.facts.domains import OcspStaple, OcspStatus, Verdict
from tests.collector.tls.asking import NAME, Asker, World
from tests.parts.ports import free_port, wait_for_port
from tests.parts.require import require_program
from tests.parts.tls import Authority, Identity, Server, rsa_key

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ISSUER = Authority.create("Staple Root")
LEAF = ISSUER.issue([NAME])


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def respond(
    leaf: Identity = LEAF,
    *,
    issuer: Authority = ISSUER,
    impostor: Authority | None = None,
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    this_update: datetime = NOW - HOUR,
    next_update: datetime | None = NOW + DAY,
    delegate: Identity | None = None,
) -> bytes:
    """A response about a leaf, signed by its issuer unless an impostor or a delegate is given."""
    is_revoked = status is ocsp.OCSPCertStatus.REVOKED
    signer = delegate or impostor or issuer
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=leaf.certificate,
            issuer=issuer.certificate,
            algorithm=hashes.SHA1(),
            cert_status=status,
            this_update=this_update,
            next_update=next_update,
            revocation_time=NOW - DAY if is_revoked else None,
            revocation_reason=x509.ReasonFlags.key_compromise if is_revoked else None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
    )
    if delegate:
        builder = builder.certificates([delegate.certificate])
    return builder.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.DER)


def judge(response: bytes, *, leaf: Identity = LEAF, issuer: Authority = ISSUER) -> OcspStaple:
    staple = judge_staple(response, der(leaf.certificate), der(issuer.certificate), NOW)
    assert staple is not None
    return staple


def assert_invalid(staple: OcspStaple, why: str) -> None:
    assert staple.status is OcspStatus.INVALID
    assert why in staple.detail


# ---------------------------------------------------------------------------- what is believed


def test_without_a_response_there_is_no_staple() -> None:
    assert judge_staple(b"", der(LEAF.certificate), None, NOW) is None


def test_a_good_response_tells_its_times() -> None:
    assert judge(respond()) == OcspStaple(OcspStatus.GOOD, "", NOW - HOUR, NOW + DAY, None)


def test_a_revoked_certificate_is_told_with_when_and_why() -> None:
    staple = judge(respond(status=ocsp.OCSPCertStatus.REVOKED))
    assert (staple.status, staple.detail) == (OcspStatus.REVOKED, "keyCompromise")
    assert staple.revoked_at == NOW - DAY


def test_a_responder_may_not_know() -> None:
    assert judge(respond(status=ocsp.OCSPCertStatus.UNKNOWN)).status is OcspStatus.UNKNOWN


def test_an_issuer_with_an_rsa_key_signs_too() -> None:
    issuer = Authority.create("RSA Root", key=rsa_key())
    leaf = issuer.issue([NAME])
    response = respond(leaf, issuer=issuer)
    assert judge(response, leaf=leaf, issuer=issuer).status is OcspStatus.GOOD


def test_one_whom_the_issuer_charged_may_sign() -> None:
    uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
    delegate = ISSUER.issue(["responder"], extensions=[uses])
    assert judge(respond(delegate=delegate)).status is OcspStatus.GOOD


# ---------------------------------------------------------------------------- what is not


def test_one_who_was_not_charged_may_not_sign() -> None:
    assert_invalid(judge(respond(delegate=ISSUER.issue(["web"]))), "did not sign it")


def test_a_stranger_may_not_sign_whatever_he_may_use() -> None:
    uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
    stranger = Authority.create("Stranger").issue(["responder"], extensions=[uses])
    assert_invalid(judge(respond(delegate=stranger)), "did not sign it")
    assert_invalid(judge(respond(impostor=Authority.create("Staple Root"))), "did not sign it")


def test_a_response_about_another_certificate_says_nothing() -> None:
    assert_invalid(judge(respond(ISSUER.issue([NAME]))), "about another certificate")


def test_the_same_serial_number_of_another_issuer_is_another_certificate() -> None:
    other = Authority.create("Other Root")
    assert_invalid(judge(respond(issuer=other)), "about another certificate")


@pytest.mark.parametrize(
    ("this_update", "next_update", "why"),
    [
        (NOW - 9 * DAY, NOW - DAY, "the server did not renew it"),
        (NOW + DAY, NOW + 2 * DAY, "a time to come"),
    ],
)
def test_a_response_out_of_its_time_is_not_believed(
    this_update: datetime, next_update: datetime, why: str
) -> None:
    revoked = ocsp.OCSPCertStatus.REVOKED
    response = respond(status=revoked, this_update=this_update, next_update=next_update)
    assert_invalid(judge(response), why)


def test_a_response_without_an_end_is_good_until_there_is_a_newer_one() -> None:
    assert judge(respond(next_update=None)).status is OcspStatus.GOOD


def test_without_an_issuer_nobody_can_tell_who_signed() -> None:
    staple = judge_staple(respond(), der(LEAF.certificate), None, NOW)
    assert staple
    assert_invalid(staple, "who issued the certificate is not known")


def test_a_responder_that_gives_no_answer_is_told_with_its_word() -> None:
    builder = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    assert_invalid(judge(builder.public_bytes(Encoding.DER)), "the responder said try_later")


@given(st.binary(min_size=1, max_size=400))
def test_no_bytes_are_believed_or_break_it(junk: bytes) -> None:
    assert judge(junk).status is OcspStatus.INVALID


RESPONSE = respond()


@given(st.integers(0, len(RESPONSE) - 1), st.integers(1, 255))
def test_no_changed_byte_is_believed(place: int, flipped: int) -> None:
    changed = bytearray(RESPONSE)
    changed[place] ^= flipped
    staple = judge(bytes(changed))
    # Bytes outside of what is signed, such as the list of certificates, may say anything.
    assert staple.status is OcspStatus.INVALID or staple == judge(RESPONSE)


# ---------------------------------------------------------------------------- on the wire


@contextmanager
def stapling(identity: Identity, response: bytes, folder: Path, version: str) -> Iterator[Server]:
    """Run `openssl s_server` with an OCSP response."""
    program = require_program("openssl", "openssl")
    (folder / "server.pem").write_bytes(identity.pem())
    (folder / "chain.pem").write_bytes(
        b"".join(one.public_bytes(Encoding.PEM) for one in identity.sent)
    )
    (folder / "response.der").write_bytes(response)
    port = free_port()
    command = [str(program), "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", version]
    command += ["-cert", "server.pem", "-key", "server.pem", "-status_file", "response.der"]
    if identity.sent:
        command += ["-cert_chain", "chain.pem"]
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:  # fmt: skip
        wait_for_port(port)
        try:
            yield Server("127.0.0.1", port)
        finally:
            process.kill()


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
async def test_a_server_that_staples_a_revocation_is_revoked(
    world: World, asker: Asker, tmp_path: Path, version: str
) -> None:
    leaf = world.issuer.issue([NAME])
    response = respond(leaf, issuer=world.issuer, status=ocsp.OCSPCertStatus.REVOKED)
    with stapling(leaf, response, tmp_path, version) as server:
        facts = await asker.facts(server)
    assert facts.verdict is Verdict.REVOKED
    assert "its authority revoked it" in facts.faults[0].detail
    assert facts.faults[0].x509_code == 23
    assert facts.staple
    assert facts.staple.status is OcspStatus.REVOKED


async def test_a_good_staple_is_told_at_the_second_look_too(
    world: World, asker: Asker, tmp_path: Path
) -> None:
    leaf = world.issuer.issue([NAME])
    with stapling(leaf, respond(leaf, issuer=world.issuer), tmp_path, "-tls1_3") as server:
        looks = [await asker.facts(server) for _ in range(2)]
    assert [one.staple and one.staple.status for one in looks] == [OcspStatus.GOOD] * 2
    assert {one.verdict for one in looks} == {Verdict.OK}


async def test_a_staple_that_cannot_be_believed_is_no_fault_of_the_certificate(
    world: World, asker: Asker, tmp_path: Path
) -> None:
    leaf = world.issuer.issue([NAME])
    response = respond(leaf, issuer=world.issuer, impostor=Authority.create("Impostor"))
    with stapling(leaf, response, tmp_path, "-tls1_3") as server:
        facts = await asker.facts(server)
    assert facts.verdict is Verdict.OK
    assert facts.staple
    assert facts.staple.status is OcspStatus.INVALID
