from __future__ import annotations

import errno

import pytest

from collector.docker.failures import Failed, failure_of, tidy
from registry.facts.outcomes import Failure, FailureReason


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ECONNREFUSED, FailureReason.REFUSED),
        (errno.EACCES, FailureReason.FORBIDDEN),
        (errno.ENETUNREACH, FailureReason.UNREACHABLE),
        (errno.EMFILE, FailureReason.INTERNAL),
    ],
)
def test_an_error_number_has_its_reason(number: int, reason: FailureReason) -> None:
    assert failure_of(OSError(number, "so it is")) == Failure(reason, "so it is")


def test_an_error_without_number_is_unreachable() -> None:
    assert failure_of(OSError("AF_UNIX path too long")).reason is FailureReason.UNREACHABLE


def test_foreign_text_fits_one_line() -> None:
    assert tidy("a\0b\n\tc\ud800d\x1b[31m") == "a b c d [31m"
    assert len(tidy("x" * 10_000)) == 300


def test_a_failure_carries_tidy_words() -> None:
    failed = Failed(FailureReason.PROTOCOL, "two\nlines")
    assert failed.failure == Failure(FailureReason.PROTOCOL, "two lines")
