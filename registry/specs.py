"""What nodes and domains share as resources: applying a change, and their form in the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeVar

from registry.durations import format_duration
from registry.errors import FieldFault, Invalid

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SpecT = TypeVar("SpecT", bound="DataclassInstance")

_SECONDS = "_seconds"


def changed(spec: SpecT, changes: Mapping[str, object]) -> SpecT:
    """Return `spec` with `changes` applied. Raises Invalid for a field that it has not."""
    unknown = sorted(changes.keys() - {field.name for field in fields(spec)})
    if unknown:
        faults = (FieldFault(name, "unknown_field", "is no field of this") for name in unknown)
        raise Invalid(tuple(faults))
    return replace(spec, **changes)


def audited(spec: DataclassInstance) -> dict[str, object]:
    """Return a spec as JSON without fractions, which the audit chain cannot hold exactly."""
    values = {field.name: getattr(spec, field.name) for field in fields(spec)}
    return {
        name.removesuffix(_SECONDS): format_duration(value)
        if name.endswith(_SECONDS) and value is not None
        else value
        for name, value in values.items()
    }
