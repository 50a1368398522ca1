"""How a probe ended: why it got no answer, and what it took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class FailureReason(StrEnum):
    """Why a probe got no answer."""

    DNS = "dns"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TOO_LARGE = "too_large"
    TLS = "tls"
    AUTH = "auth"
    FORBIDDEN = "forbidden"
    PROTOCOL = "protocol"
    VERSION = "version"
    HOST_KEY = "host_key"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Failure:
    """One reason of the closed set and a sentence for the person who reads it; never a secret."""

    reason: FailureReason
    detail: str


@dataclass(frozen=True, slots=True)
class HostKeyFailure(Failure):
    """A host key that is not the registered one; `shown` is the key, as OpenSSH writes it."""

    shown: str


@dataclass(frozen=True, slots=True)
class Cost:
    """What one probe took: requests, bytes received, seconds by phase, and CPU of ours."""

    requests: int = 0
    received_bytes: int = 0
    phase_seconds: Mapping[str, float] = field(default_factory=dict)
    cpu_seconds: float | None = None
