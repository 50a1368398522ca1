"""What one look at one address brings back: what the server showed, or why there is nothing to show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from registry.facts.outcomes import Failure, FailureReason

# All that one look may read, plain text and TLS together. A chain is 2-8 KB; OpenSSL itself refuses
# a certificate message of more than 100 KB.
MAX_RECEIVED_BYTES = 256 * 1024


class VerifyError(NamedTuple):
    """One X509_V_ERR code of OpenSSL and the place in the path (0 is the leaf) that it was found at."""

    code: int
    depth: int


@dataclass(frozen=True, slots=True)
class Shown:
    """What a handshake showed, not yet judged.

    `chain` is DER as sent, leaf first; `path` is DER of the path that OpenSSL built from it and from
    the trusted certificates, leaf first, whole or not; `errors` is what OpenSSL found wrong with it.
    Both are empty when the context verifies nothing. `staple` is an OCSP response in DER, empty without.
    """

    chain: tuple[bytes, ...]
    path: tuple[bytes, ...]
    errors: tuple[VerifyError, ...]
    tls_version: str
    cipher: str
    alpn: str = ""
    staple: bytes = b""


@dataclass(slots=True)
class Collected:
    """What OpenSSL tells while it shakes hands: what is wrong with the path, and the staple."""

    errors: list[VerifyError] = field(default_factory=list)
    staple: bytes = b""


class NoAnswerError(Exception):
    """The look ended without a certificate; `failure` says why."""

    def __init__(self, reason: FailureReason, detail: str) -> None:
        super().__init__(detail)
        self.failure = Failure(reason, detail)


@dataclass(slots=True)
class Look:
    """How far one look has come: the step it is at, for a time-out's words, and what it has read."""

    step: str = "connecting"
    received_bytes: int = 0

    def receive(self, size: int) -> None:
        """Count received bytes; raise NoAnswerError when they are too many."""
        self.received_bytes += size
        if self.received_bytes > MAX_RECEIVED_BYTES:
            limit = f"{MAX_RECEIVED_BYTES // 1024} KiB"
            detail = f"the server sent more than {limit} before {self.step} was done"
            raise NoAnswerError(FailureReason.TOO_LARGE, detail)


def quote(said: bytes, limit: int = 120) -> str:
    """Quote what a server said in printable ASCII, at most `limit` bytes of it."""
    return ascii(said[:limit].decode("ascii", "backslashreplace").strip())
