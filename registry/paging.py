"""Pages by keyset: a cursor is the last row's key, opaque to whoever carries it."""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Generic, TypeVar

from registry.errors import FieldFault, Invalid

Key = str | int
ItemT = TypeVar("ItemT")

_LONGEST = 1024


@dataclass(frozen=True, slots=True)
class Page(Generic[ItemT]):
    """Some items in order; `next` is the cursor of the page after, None at the end."""

    items: list[ItemT]
    next: str | None


def encode_cursor(*key: object) -> str:
    """Write the key of a page's last row as a cursor."""
    return urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def decode_cursor(text: str) -> list[Key]:
    """Read back the key that a cursor holds. Raises Invalid for any other text."""
    try:
        key = json.loads(urlsafe_b64decode(text[:_LONGEST].encode("ascii") + b"=="))
    except (binascii.Error, ValueError, RecursionError):
        key = None
    if isinstance(key, list) and key and all(type(part) in (str, int) for part in key):
        return key
    fault = FieldFault("cursor", "cursor", "must be the `next` of the page before, as it was given")
    raise Invalid((fault,))
