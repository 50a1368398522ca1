"""What the operating system says, as a reason of the closed set."""

from __future__ import annotations

import errno
import os
import socket

import pytest

from collector.tls.failures import connecting, resolving
from registry.facts.outcomes import FailureReason

R = FailureReason


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ECONNREFUSED, R.REFUSED),
        (errno.ENETUNREACH, R.UNREACHABLE),
        (errno.EHOSTUNREACH, R.UNREACHABLE),
        (errno.EADDRNOTAVAIL, R.UNREACHABLE),
        (errno.EACCES, R.UNREACHABLE),
        (errno.ETIMEDOUT, R.TIMEOUT),
        (errno.ECONNRESET, R.PROTOCOL),
        (errno.EMFILE, R.INTERNAL),
    ],
)
def test_a_connection_that_fails_has_a_reason(number: int, reason: FailureReason) -> None:
    failure = connecting(OSError(number, os.strerror(number))).failure
    assert failure.reason is reason
    assert failure.detail


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(socket.EAI_NONAME, "x"), "does not exist or has no address"),
        (socket.gaierror(socket.EAI_NODATA, "x"), "does not exist or has no address"),
        (socket.gaierror(socket.EAI_AGAIN, "try again"), "could not be resolved: try again"),
        (UnicodeError("label too long"), "could not be resolved: label too long"),
    ],
)
def test_a_name_that_does_not_resolve_is_a_dns_failure(error: OSError, words: str) -> None:
    failure = resolving("x.test", error).failure
    assert failure.reason is R.DNS
    assert failure.detail == f"x.test {words}"
