"""What stands in a distinguished name that was written as RFC 4514 says."""

from __future__ import annotations

import re

_ATTRIBUTE = re.compile(r"([^=,+\\]+)=((?:\\.|[^,+\\])*)[,+]?", re.DOTALL)
_ESCAPED = re.compile(r"((?:\\[0-9A-Fa-f]{2})+)|\\(.)", re.DOTALL)


def values_of(name: str, attribute: str) -> list[str]:
    """Return the values of one attribute (`CN`, `O`, `OU`), the most specific first."""
    return [_unescape(value) for key, value in _ATTRIBUTE.findall(name) if key == attribute]


def organisation(issuer: str) -> str:
    """Return who issues: the organisation where it is named, for its intermediates change often."""
    return next(iter(values_of(issuer, "O") or values_of(issuer, "CN")), issuer)


def _unescape(value: str) -> str:
    return _ESCAPED.sub(_character, value) if "\\" in value else value


def _character(escaped: re.Match[str]) -> str:
    if pairs := escaped[1]:
        return bytes.fromhex(pairs.replace("\\", "")).decode(errors="replace")
    return escaped[2]
