"""Keys and certificates that people hand in: proved to fit, and what of them is no secret."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
    load_ssh_public_key,
)

from registry.errors import FieldFault, Invalid
from registry.facts.credentials import Secret, TlsCredential

T = TypeVar("T")

_OPENSSH = b"BEGIN OPENSSH PRIVATE KEY"


@dataclass(frozen=True, slots=True)
class CredentialFacts:
    """What may be shown of a credential: `fingerprint` is of its certificate or public key."""

    subject: str = ""
    fingerprint: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    public_key: str = ""


def facts_of(credential: Secret) -> CredentialFacts:
    """Return what is no secret of a credential. Raises Invalid where its parts are none or do not fit."""
    if isinstance(credential, TlsCredential):
        return _tls_facts(credential)
    key = _read("private_key", credential.private_key, _private_key)
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return CredentialFacts(fingerprint=ssh_fingerprint(public), public_key=public)


def ssh_fingerprint(public_key: str) -> str:
    """Return an OpenSSH public key's fingerprint, as `ssh-keygen -l` writes it."""
    digest = sha256(_ssh_blob(public_key)).digest()
    return "SHA256:" + b64encode(digest).decode().rstrip("=")


def host_key(text: str) -> str:
    """Take a host key as OpenSSH writes it, `ssh-ed25519 AAAA…`; a comment behind it is dropped."""
    kept = " ".join(text.split()[:2])
    try:
        load_ssh_public_key(kept.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(
            "must be a host key as `ssh-keyscan` prints it, without the host: ssh-ed25519 AAAA…"
        ) from None
    return kept


def _tls_facts(credential: TlsCredential) -> CredentialFacts:
    if credential.ca:
        _read("ca", credential.ca, x509.load_pem_x509_certificates)
    if not credential.certificate and not credential.key:
        if not credential.ca:
            raise _invalid("certificate", "must be there, or `ca`, or both")
        return CredentialFacts()
    chain = _read("certificate", credential.certificate, x509.load_pem_x509_certificates)
    key = _read("key", credential.key, _private_key)
    leaf = chain[0]
    if key.public_key() != leaf.public_key():
        raise _invalid("key", "must be the private key of the certificate")
    return CredentialFacts(
        subject=leaf.subject.rfc4514_string(),
        fingerprint=leaf.fingerprint(SHA256()).hex(),
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
    )


def _private_key(text: bytes) -> PrivateKeyTypes:
    load = load_ssh_private_key if _OPENSSH in text else load_pem_private_key
    return load(text, None)


def _read(field: str, text: str, load: Callable[[bytes], T]) -> T:
    try:
        return load(text.encode())
    except TypeError:
        raise _invalid(field, "must not be protected by a passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _invalid(field, "must be PEM, as openssl and ssh-keygen write it") from None


def _ssh_blob(public_key: str) -> bytes:
    key = load_ssh_public_key(public_key.encode())
    text = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return b64decode(text.split()[1])


def _invalid(field: str, message: str) -> Invalid:
    return Invalid((FieldFault(field, "key_material", message),))
