from __future__ import annotations

import pytest

from collector.docker.failures import Failed
from collector.docker.versions import negotiate
from collector.docker.wire import Version
from registry.facts.outcomes import FailureReason


@pytest.mark.parametrize(
    ("newest", "oldest", "spoken"),
    [
        ("1.41", "1.12", (1, 41)),
        ("1.44", "1.24", (1, 44)),
        ("1.52", "1.44", (1, 52)),
        ("1.55", "1.52", (1, 52)),
        ("1.41", "", (1, 41)),
    ],
)
def test_the_newest_version_that_both_know_is_spoken(
    newest: str, oldest: str, spoken: tuple[int, int]
) -> None:
    assert negotiate(Version("x", newest, oldest)) == spoken


@pytest.mark.parametrize(
    ("newest", "oldest", "sentence"),
    [
        ("1.40", "1.12", "the engine 19.03 speaks API 1.40 at most; 1.41 (Docker 20.10) is needed"),
        (
            "2.0",
            "1.53",
            "the engine 19.03 wants API 1.53 at least; this collector speaks 1.52 at most",
        ),
    ],
)
def test_an_engine_too_old_or_too_new_fails_with_both_versions(
    newest: str, oldest: str, sentence: str
) -> None:
    with pytest.raises(Failed) as raised:
        negotiate(Version("19.03", newest, oldest))
    assert raised.value.failure.reason is FailureReason.VERSION
    assert raised.value.failure.detail == sentence


@pytest.mark.parametrize("text", ["", "1", "one.two", "1.4.1", "-1.41", "1.99999999999"])
def test_a_version_that_is_none_is_a_protocol_failure(text: str) -> None:
    with pytest.raises(Failed) as raised:
        negotiate(Version("x", text))
    assert raised.value.failure.reason is FailureReason.PROTOCOL
