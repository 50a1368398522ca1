"""Pages by keyset: a cursor is the last row's key, opaque to whoever carries it."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from registry.errors import FieldFault, Invalid

Key = str | int
ItemT = TypeVar("ItemT")

_LONGEST = 1024

# Only what PostgreSQL can compare with: text without NUL, numbers of 64 bits.
_Text = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")]
_Number = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_KEYS = msgspec.json.Decoder(Annotated[list[_Text | _Number], msgspec.Meta(min_length=1)])


@dataclass(frozen=True, slots=True)
class Page(Generic[ItemT]):
    """Some items in order; `next` is the cursor of the page after, None at the end."""

    items: list[ItemT]
    next: str | None


def encode_cursor(*key: object) -> str:
    """Write the key of a page's last row as a cursor."""
    return urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def decode_cursor(text: str, *kinds: type[Key]) -> list[Any]:
    """Read back the key of a list whose keys have parts of these kinds.

    Raises Invalid for any other text, and for another list's cursor.
    """
    try:
        key: list[Key] = _KEYS.decode(urlsafe_b64decode(text[:_LONGEST].encode("ascii") + b"=="))
    except (binascii.Error, ValueError, msgspec.DecodeError):
        key = []
    if [type(part) for part in key] != list(kinds):
        message = "must be the `next` of the page before, as it was given"
        raise Invalid((FieldFault("cursor", "cursor", message),))
    return key
