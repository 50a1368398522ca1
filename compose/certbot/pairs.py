"""A certificate with its key: read, judged, made for a start, and shown to NGINX in one step."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

CHAIN, KEY = "fullchain.pem", "privkey.pem"


class UnsoundError(Exception):
    """Two files that NGINX could not serve; the text says why."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate with its chain, and its private key, both in PEM."""

    chain: bytes
    key: bytes

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate itself, which stands first in its chain."""
        return x509.load_pem_x509_certificate(self.chain)

    def describe(self) -> str:
        """Say which certificate this is, as the dashboard names it."""
        fingerprint = self.certificate.fingerprint(hashes.SHA256()).hex()
        return (
            f"SHA-256 {fingerprint}, valid until {self.certificate.not_valid_after_utc:%F %R} UTC"
        )


def read(folder: Path) -> Pair:
    """Return the pair in `folder`; raise UnsoundError unless both files are there."""
    try:
        return Pair((folder / CHAIN).read_bytes(), (folder / KEY).read_bytes())
    except OSError as error:
        raise UnsoundError(f"{error.filename}: {error.strerror}") from None


def check(pair: Pair) -> None:
    """Raise UnsoundError unless the key is the certificate's and NGINX can read both."""
    try:
        public = pair.certificate.public_key()
        private = load_pem_private_key(pair.key, password=None)
    except TypeError:
        raise UnsoundError(f"{KEY} is encrypted: NGINX could not open it") from None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnsoundError(f"not in PEM: {error}") from None
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if public.public_bytes(*form) != private.public_key().public_bytes(*form):
        raise UnsoundError(f"{KEY} is not the key of the first certificate in {CHAIN}")


def placeholder(domain: str) -> Pair:
    """Make a self-signed pair, with which NGINX can start before the first certificate."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "placeholder")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Pair(certificate.public_bytes(Encoding.PEM), pem)


def publish(pair: Pair, live: Path) -> None:
    """Let the link `live` show a pair: whole or not at all, and still so after a power failure."""
    archive = live.parent.with_name("archive")
    name = hashlib.sha256(pair.chain + pair.key).hexdigest()[:16]
    shutil.rmtree(fresh := archive / f"{name}.new", ignore_errors=True)
    fresh.mkdir(mode=0o700, parents=True)
    for file, content in ((CHAIN, pair.chain), (KEY, pair.key)):
        _write(fresh / file, content)
    shutil.rmtree(archive / name, ignore_errors=True)
    fresh.rename(archive / name)
    _link(live, Path("..") / "archive" / name)
    _prune(archive, keep=archive / name)


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _link(link: Path, target: Path) -> None:
    link.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = link.with_name(f"{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)


def _prune(archive: Path, keep: Path) -> None:
    """Drop the pairs before the last: NGINX may be reading the last one just now."""
    others = (folder for folder in archive.iterdir() if folder != keep)
    for folder in sorted(others, key=lambda f: f.stat().st_mtime)[:-1]:
        shutil.rmtree(folder)
