"""The OCSP response that a server staples to its handshake: judged by what it says, never fetched.

RFC 6960 (OCSP), RFC 6066, section 8 (stapling).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from registry.facts.domains import OcspStaple, OcspStatus

# Responders' clocks and ours differ.
_TOLERANCE = timedelta(minutes=5)
_REMEMBERED, _REMEMBERED_BYTES = 4096, 8192

_STATUSES = {
    ocsp.OCSPCertStatus.GOOD: OcspStatus.GOOD,
    ocsp.OCSPCertStatus.REVOKED: OcspStatus.REVOKED,
    ocsp.OCSPCertStatus.UNKNOWN: OcspStatus.UNKNOWN,
}


def judge_staple(
    response: bytes, leaf: bytes, issuer: bytes | None, now: datetime
) -> OcspStaple | None:
    """Judge a stapled response (DER) for a leaf of an issuer (both DER); None where none came.

    What cannot be believed is `invalid`, with the reason.
    """
    if not response:
        return None
    if issuer is None:
        return _invalid("who issued the certificate is not known")
    verified = _remembered if len(response) <= _REMEMBERED_BYTES else _verified
    return _in_time(verified(response, leaf, issuer), now)


def _in_time(staple: OcspStaple, now: datetime) -> OcspStaple:
    if staple.this_update and staple.this_update > now + _TOLERANCE:
        return replace(staple, status=OcspStatus.INVALID, detail="it is of a time to come")
    if staple.next_update and staple.next_update < now - _TOLERANCE:
        told = f"it was good until {staple.next_update:%Y-%m-%d %H:%M} UTC: the server did not renew it"
        return replace(staple, status=OcspStatus.INVALID, detail=told)
    return staple


def _verified(der: bytes, leaf_der: bytes, issuer_der: bytes) -> OcspStaple:
    """Read a response and check who signed it, whatever the time."""
    try:
        response = ocsp.load_der_ocsp_response(der)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            return _invalid(f"the responder said {response.response_status.name.lower()}")
        leaf = x509.load_der_x509_certificate(leaf_der)
        issuer = x509.load_der_x509_certificate(issuer_der)
        single = next(_about(response, leaf, issuer), None)
        if single is None:
            return _invalid("it is about another certificate")
        if not _is_signed(response, issuer):
            return _invalid("its issuer did not sign it, nor anybody whom that charged with it")
        return _read(single)
    except Exception as error:  # noqa: BLE001 - hostile bytes; the parser's errors have no common base
        return _invalid(f"it cannot be read: {type(error).__name__}")


# A server staples the same bytes for days.
_remembered = lru_cache(_REMEMBERED)(_verified)


def _about(
    response: ocsp.OCSPResponse, leaf: x509.Certificate, issuer: x509.Certificate
) -> Iterator[ocsp.OCSPSingleResponse]:
    """Yield the answers about the leaf: same serial number, and hashes of the issuer's name and key."""
    for single in response.responses:
        if single.serial_number != leaf.serial_number:
            continue
        builder = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, single.hash_algorithm)
        asked = builder.build()
        hashes = (asked.issuer_name_hash, asked.issuer_key_hash)
        if (single.issuer_name_hash, single.issuer_key_hash) == hashes:
            yield single


def _is_signed(response: ocsp.OCSPResponse, issuer: x509.Certificate) -> bool:
    return any(_signed_by(response, signer) for signer in (issuer, *_delegates(response, issuer)))


def _delegates(response: ocsp.OCSPResponse, issuer: x509.Certificate) -> Iterator[x509.Certificate]:
    """Yield those whom the issuer charged with answering (RFC 6960, 4.2.2.2)."""
    for certificate in response.certificates:
        try:
            certificate.verify_directly_issued_by(issuer)
            uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
            continue
        is_valid = certificate.not_valid_before_utc <= response.produced_at_utc
        is_valid &= response.produced_at_utc <= certificate.not_valid_after_utc
        if ExtendedKeyUsageOID.OCSP_SIGNING in uses and is_valid:
            yield certificate


def _signed_by(response: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    key, signature = signer.public_key(), response.signature
    signed, algorithm = response.tbs_response_bytes, response.signature_hash_algorithm
    try:
        if isinstance(key, rsa.RSAPublicKey) and algorithm:
            key.verify(signature, signed, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and algorithm:
            key.verify(signature, signed, ec.ECDSA(algorithm))
        elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(signature, signed)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _read(single: ocsp.OCSPSingleResponse) -> OcspStaple:
    reason = single.revocation_reason
    return OcspStaple(
        _STATUSES[single.certificate_status],
        reason.value if reason else "",
        single.this_update_utc,
        single.next_update_utc,
        single.revocation_time_utc,
    )


def _invalid(why: str) -> OcspStaple:
    return OcspStaple(OcspStatus.INVALID, why)
