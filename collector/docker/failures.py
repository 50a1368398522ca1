"""How a question to an engine fails: one reason of the closed set and one plain sentence."""

from __future__ import annotations

import errno

from registry.facts import Failure, FailureReason

_MAX_DETAIL = 300

_REASONS = {
    errno.ECONNREFUSED: FailureReason.REFUSED,
    errno.EACCES: FailureReason.FORBIDDEN,
    errno.EPERM: FailureReason.FORBIDDEN,
    errno.ETIMEDOUT: FailureReason.TIMEOUT,
    # Ours, not the node's: too many open files, no memory.
    errno.EMFILE: FailureReason.INTERNAL,
    errno.ENFILE: FailureReason.INTERNAL,
    errno.ENOMEM: FailureReason.INTERNAL,
}


class Failed(Exception):
    """A question that got no answer; carries the failure to report."""

    def __init__(self, reason: FailureReason, detail: str) -> None:
        super().__init__(detail)
        self.failure = Failure(reason, tidy(detail))


def failure_of(error: OSError) -> Failure:
    """Say what an operating system's error means for a node."""
    reason = _REASONS.get(error.errno or 0, FailureReason.UNREACHABLE)
    return Failure(reason, tidy(error.strerror or str(error)))


def tidy(text: str) -> str:
    """Make foreign text fit one line of a table: printable, single-spaced, not endless."""
    line = "".join(letter if letter.isprintable() else " " for letter in text[: 2 * _MAX_DETAIL])
    line = " ".join(line.split())
    return line if len(line) <= _MAX_DETAIL else line[: _MAX_DETAIL - 1] + "…"
