"""Which version of the Engine API is spoken: the newest that both sides know."""

from __future__ import annotations

from typing import Final

from collector.docker import wire
from collector.docker.failures import Failed
from registry.facts.outcomes import FailureReason

OLDEST: Final = (1, 41)  # Docker 20.10
NEWEST: Final = (1, 52)  # Docker 29


def negotiate(version: wire.Version) -> tuple[int, int]:
    """Return the version to speak, as a number pair; raises Failed (version, protocol)."""
    newest = _parse(version.api_version)
    oldest = _parse(version.min_api_version or version.api_version)
    if newest < OLDEST:
        raise Failed(
            FailureReason.VERSION,
            f"the engine {version.version} speaks API {version.api_version} at most;"
            f" {_text(OLDEST)} (Docker 20.10) is needed",
        )
    if oldest > NEWEST:
        raise Failed(
            FailureReason.VERSION,
            f"the engine {version.version} wants API {version.min_api_version} at least;"
            f" this collector speaks {_text(NEWEST)} at most",
        )
    return min(newest, NEWEST)


def _parse(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    if not (major.isdecimal() and minor.isdecimal() and len(text) < 10):
        raise Failed(FailureReason.PROTOCOL, f"GET /version names no API version, but {text!r}")
    return int(major), int(minor)


def _text(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
