"""Secrets at rest: sealed by a key of the settings, and opened by it or by one it replaced.

A sealed secret is 1 byte of version, 8 bytes that name the key, 12 of nonce, then AES-256-GCM
(NIST SP 800-38D) under a key that HKDF-SHA256 (RFC 5869) derives from the setting's text. What the
secret belongs to is authenticated with it, so that no row's secret works in another row.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION = b"\x01"
_NAME, _NONCE = 8, 12
_HEAD = len(_VERSION) + _NAME


class VaultError(Exception):
    """A secret that cannot be sealed or opened; the message says why and holds no secret."""


class Vault:
    """Seals with the first of `keys`, opens with any; without keys it can do neither."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._ciphers = {_name(key): AESGCM(_derive(key)) for key in keys}
        self._first = next(iter(self._ciphers), b"")

    def __repr__(self) -> str:
        return f"Vault({len(self._ciphers)} keys)"

    def seal(self, secret: bytes, owner: str) -> bytes:
        """Encrypt `secret` for `owner`; raises VaultError without a key."""
        if not self._ciphers:
            raise VaultError("VSA_SECRET_KEY is not set, so no credential can be stored")
        nonce = os.urandom(_NONCE)
        sealed = self._ciphers[self._first].encrypt(nonce, secret, owner.encode())
        return _VERSION + self._first + nonce + sealed

    def open(self, sealed: bytes, owner: str) -> bytes:
        """Decrypt what was sealed for `owner`; raises VaultError where no key fits."""
        cipher = self._ciphers.get(sealed[len(_VERSION) : _HEAD])
        if cipher is None or not sealed.startswith(_VERSION):
            raise VaultError("was sealed with a key that is neither VSA_SECRET_KEY nor an old one")
        nonce, rest = sealed[_HEAD : _HEAD + _NONCE], sealed[_HEAD + _NONCE :]
        try:
            return cipher.decrypt(nonce, rest, owner.encode())
        except (InvalidTag, ValueError):
            raise VaultError("is not what was sealed: the row was changed") from None

    def is_current(self, sealed: bytes) -> bool:
        """Say whether the first key sealed it, so that no old key is needed for it."""
        return sealed[len(_VERSION) : _HEAD] == self._first


def _name(key: str) -> bytes:
    return sha256(b"vsa key name" + key.encode()).digest()[:_NAME]


def _derive(key: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"vsa credentials").derive(key.encode())
