"""An engine's answer: its body, or what its refusal means."""

from __future__ import annotations

from typing import Final

from collector.docker import wire
from collector.docker.failures import Failed
from collector.docker.http import Answer
from registry.facts.outcomes import FailureReason

_REASONS: Final = {401: FailureReason.AUTH, 403: FailureReason.FORBIDDEN}


def body_of(answer: Answer, what: str) -> bytes:
    """Return the body of a good answer; raises Failed with the engine's own words otherwise."""
    if answer.status == 200:
        return answer.body
    reason = _REASONS.get(answer.status, FailureReason.PROTOCOL)
    raise Failed(reason, f"{what} answered {answer.status}: {_message(answer.body)}")


def _message(body: bytes) -> str:
    try:
        return wire.decode(wire.MESSAGE, body, "an error").message
    except Failed:
        return body[:200].decode(errors="replace")
