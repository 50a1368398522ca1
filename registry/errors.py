"""What the registry refuses, as values that name the field and the rule."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One field, the name of the rule it breaks, and a sentence that says how to keep it."""

    field: str
    rule: str
    message: str


class RegistryError(Exception):
    """The registry cannot do what was asked; nothing was changed."""


class NotFound(RegistryError):
    """There is no such thing; `kind` is node, domain, certificate or token."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"there is no {kind} {name}")
        self.kind = kind
        self.name = name


class Invalid(RegistryError):
    """One or more fields break a rule."""

    def __init__(self, faults: tuple[FieldFault, ...]) -> None:
        super().__init__("; ".join(f"{fault.field} {fault.message}" for fault in faults))
        self.faults = faults


class Conflict(RegistryError):
    """The change contradicts what the registry already holds."""

    def __init__(self, fault: FieldFault) -> None:
        super().__init__(f"{fault.field} {fault.message}")
        self.fault = fault
