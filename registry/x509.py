"""From DER to the facts of one certificate; whatever cannot be read is said, and nothing is raised."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, SignatureAlgorithmOID

from registry.facts.domains import CertificateFacts
from registry.server_names import is_named

# Certificates repeat from look to look and authorities from endpoint to endpoint. The few that are
# larger than any honest one are not remembered, so that they cannot fill the memory.
_REMEMBERED = 8192
_REMEMBERED_BYTES = 16 * 1024

# What cryptography raises at contents that it refuses.
REFUSALS = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_KEY_TYPES = {
    rsa.RSAPublicKey: "RSA",
    ec.EllipticCurvePublicKey: "ECDSA",
    ed25519.Ed25519PublicKey: "Ed25519",
    ed448.Ed448PublicKey: "Ed448",
    dsa.DSAPublicKey: "DSA",
}
_SIZED = (rsa.RSAPublicKey, ec.EllipticCurvePublicKey, dsa.DSAPublicKey)
_SIGNATURES = {
    oid: name.lower().replace("_", "-")
    for name, oid in vars(SignatureAlgorithmOID).items()
    if isinstance(oid, x509.ObjectIdentifier) and not name.startswith("_")
}

_NO_KEY: tuple[str, int | None] = ("", None)

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A certificate's facts, and what else judging needs of it.

    `names` are its alternative names; `ca_issuers` is the URL at which it says that its issuer can be
    fetched (never done); `signature_hash` is lower-case, empty where there is none.
    """

    facts: CertificateFacts
    names: tuple[x509.DNSName | x509.IPAddress, ...] = ()
    ca_issuers: str = ""
    self_issued: bool = False
    signature_hash: str = ""
    _named: dict[str, bool] = field(default_factory=dict, repr=False)

    def is_named(self, server_name: str) -> bool:
        """Tell whether it was issued for a server of this name (DNS name or IP address)."""
        if server_name not in self._named:
            self._named[server_name] = is_named(server_name, self.names)
        return self._named[server_name]


def read_certificate(der: bytes) -> Parsed:
    """Return all that can be read of a certificate; never raises for what the bytes hold."""
    return _remembered(der) if len(der) <= _REMEMBERED_BYTES else _read(der)


def _read(der: bytes) -> Parsed:
    fingerprint = hashlib.sha256(der).hexdigest()
    # cryptography warns of what honest but old certificates hold (serial numbers, odd encodings).
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            certificate = x509.load_der_x509_certificate(der)
        except REFUSALS as error:
            return Parsed(CertificateFacts(fingerprint, der, parse_error=_words(error)))
        return _parsed(certificate, fingerprint, der)


_remembered = lru_cache(_REMEMBERED)(_read)


class _Parts:
    """Reads each part of a certificate on its own, so that one bad part hides no other."""

    def __init__(self, certificate: x509.Certificate) -> None:
        self.refused: list[str] = []
        self._certificate = certificate

    def read(
        self, what: str, get: Callable[[x509.Certificate], ValueT], otherwise: ValueT
    ) -> ValueT:
        try:
            return get(self._certificate)
        except REFUSALS as error:
            self.refused.append(f"{what}: {_words(error)}")
            return otherwise


def _parsed(certificate: x509.Certificate, fingerprint: str, der: bytes) -> Parsed:
    parts = _Parts(certificate)
    extensions = parts.read("extensions", lambda c: c.extensions, x509.Extensions([]))
    names = _alternative_names(extensions)
    key_type, key_bits = parts.read("key", _key, _NO_KEY)
    facts = CertificateFacts(
        fingerprint=fingerprint,
        der=der,
        subject=parts.read("subject", lambda c: _printable(c.subject.rfc4514_string()), ""),
        issuer=parts.read("issuer", lambda c: _printable(c.issuer.rfc4514_string()), ""),
        serial_number=f"{certificate.serial_number:x}",
        sans=tuple(_printable(str(name.value)) for name in names),
        not_before=parts.read("notBefore", lambda c: c.not_valid_before_utc, None),
        not_after=parts.read("notAfter", lambda c: c.not_valid_after_utc, None),
        key_type=key_type,
        key_bits=key_bits,
        signature_algorithm=_signature_algorithm(certificate),
        parse_error="; ".join(parts.refused),
    )
    return Parsed(
        facts=facts,
        names=names,
        ca_issuers=_ca_issuers(extensions),
        self_issued=bool(facts.subject) and facts.subject == facts.issuer,
        signature_hash=parts.read("signature", _signature_hash, ""),
    )


def _alternative_names(
    extensions: x509.Extensions,
) -> tuple[x509.DNSName | x509.IPAddress, ...]:
    with suppress(x509.ExtensionNotFound):
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return tuple(name for name in names if isinstance(name, x509.DNSName | x509.IPAddress))
    return ()


def _ca_issuers(extensions: x509.Extensions) -> str:
    with suppress(x509.ExtensionNotFound):
        for access in extensions.get_extension_for_class(x509.AuthorityInformationAccess).value:
            if access.access_method == AuthorityInformationAccessOID.CA_ISSUERS:
                return _printable(str(access.access_location.value))
    return ""


def _key(certificate: x509.Certificate) -> tuple[str, int | None]:
    key = certificate.public_key()
    bits = key.key_size if isinstance(key, _SIZED) else None
    named = (name for kind, name in _KEY_TYPES.items() if isinstance(key, kind))
    return next(named, _newer_key(certificate.public_key_algorithm_oid)), bits


def _newer_key(oid: x509.ObjectIdentifier) -> str:
    """Name a kind of key that signs in one way only, and so shares its identifier: ML-DSA, SLH-DSA."""
    return _SIGNATURES.get(oid, oid.dotted_string).upper()


def _signature_algorithm(certificate: x509.Certificate) -> str:
    oid = certificate.signature_algorithm_oid
    return _SIGNATURES.get(oid, oid.dotted_string)


def _signature_hash(certificate: x509.Certificate) -> str:
    algorithm = certificate.signature_hash_algorithm
    return algorithm.name if algorithm else ""


def _words(error: Exception) -> str:
    return _printable(str(error) or type(error).__name__)[:200]


def _printable(text: str) -> str:
    """Escape what must not reach a terminal, a label or a database (a NUL, a control, a surrogate)."""
    if text.isprintable():
        return text
    escaped = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return "".join(escaped)
