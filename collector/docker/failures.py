"""How a question to an engine fails: one reason of the closed set and one plain sentence."""

from __future__ import annotations

import errno
import ssl

from registry.facts.outcomes import Failure, FailureReason, HostKeyFailure

_MAX_DETAIL = 300

_REASONS = {
    errno.ECONNREFUSED: FailureReason.REFUSED,
    errno.ECONNRESET: FailureReason.REFUSED,  # taken and dropped: a guard against floods does it
    errno.EACCES: FailureReason.FORBIDDEN,
    errno.EPERM: FailureReason.FORBIDDEN,
    errno.ETIMEDOUT: FailureReason.TIMEOUT,
    # Ours, not the node's: too many open files, no memory.
    errno.EMFILE: FailureReason.INTERNAL,
    errno.ENFILE: FailureReason.INTERNAL,
    errno.ENOMEM: FailureReason.INTERNAL,
}


# What OpenSSL calls a peer that speaks no TLS at all.
_NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}


class Failed(Exception):
    """A question that got no answer; carries the failure to report."""

    def __init__(self, reason: FailureReason, detail: str) -> None:
        super().__init__(detail)
        self.failure = Failure(reason, tidy(detail))


class HostKeyRefused(Failed):
    """A host key that is not the registered one; `shown` is the key, as OpenSSH writes it."""

    def __init__(self, detail: str, shown: str) -> None:
        super().__init__(FailureReason.HOST_KEY, detail)
        self.failure = HostKeyFailure(FailureReason.HOST_KEY, tidy(detail), shown)


def failure_of(error: OSError) -> Failure:
    """Say what an error of the operating system or of OpenSSL means for a node."""
    if isinstance(error, ssl.SSLError):
        return _tls_failure(error)
    reason = _REASONS.get(error.errno or 0, FailureReason.UNREACHABLE)
    return Failure(reason, tidy(error.strerror or str(error)))


def _tls_failure(error: ssl.SSLError) -> Failure:
    if isinstance(error, ssl.SSLCertVerificationError):
        said = f"its certificate is refused: {error.verify_message}"
        return Failure(FailureReason.TLS, tidy(said))
    reason = error.reason or str(error)
    if reason in _NO_TLS:
        return Failure(FailureReason.TLS, "it does not speak TLS on this port")
    said = reason.lower().replace("_", " ")
    # An alert is the engine's own word, and in practice always about our certificate.
    if "alert" in said:
        return Failure(FailureReason.AUTH, tidy(f"it refuses our client certificate: {said}"))
    return Failure(FailureReason.TLS, tidy(f"the TLS handshake failed: {said}"))


def tidy(text: str) -> str:
    """Make foreign text fit one line of a table: printable, single-spaced, not endless."""
    line = "".join(letter if letter.isprintable() else " " for letter in text[: 2 * _MAX_DETAIL])
    line = " ".join(line.split())
    return line if len(line) <= _MAX_DETAIL else line[: _MAX_DETAIL - 1] + "…"
