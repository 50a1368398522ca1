"""PATCH as JSON merge patch (RFC 7396): absent is kept, null is the default, objects are merged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

BodyT = TypeVar("BodyT", bound=BaseModel)


def merge_patch(target: object, patch: object) -> object:
    """Return `target` with `patch` merged in, by RFC 7396, section 2."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def patched(current: BaseModel, patch: BaseModel, body: type[BodyT]) -> BodyT:
    """Return the whole body that results when `patch` is sent to what is now `current`."""
    writable = current.model_dump(include=set(body.model_fields))
    try:
        return body.model_validate(merge_patch(writable, patch.model_dump(exclude_unset=True)))
    except ValidationError as error:  # each value is right by itself, not so the whole
        raise RequestValidationError(error.errors(include_url=False)) from None
