"""What it means that an address shows another certificate than before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from registry.distinguished_names import organisation
from registry.facts.domains import CertificateChange

_LISTED = 5


@dataclass(frozen=True, slots=True)
class Compared:
    """As much of a certificate as tells what changed."""

    issuer: str
    sans: tuple[str, ...]
    not_before: datetime | None
    not_after: datetime | None


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that is new about a certificate, and a sentence on it."""

    change: CertificateChange
    detail: str


def changes_of(before: Compared, after: Compared) -> list[Told]:
    """Tell what is new about the certificate that took another's place; at least one thing is."""
    return [_succession(before, after), *_issuer(before, after), *_names(before, after)]


def _succession(before: Compared, after: Compared) -> Told:
    """One that begins earlier is an old one that came back; of two of the same day the end decides."""
    old, new = (_dates(certificate) for certificate in (before, after))
    if old is None or new is None:
        return Told(CertificateChange.RENEWED, "its dates cannot be read")
    change = CertificateChange.RENEWED if new >= old else CertificateChange.ROLLED_BACK
    return Told(change, f"ends {new[1]:%Y-%m-%d}, the one before {old[1]:%Y-%m-%d}")


def _dates(certificate: Compared) -> tuple[datetime, datetime] | None:
    start, end = certificate.not_before, certificate.not_after
    return (start, end) if start and end else None


def _issuer(before: Compared, after: Compared) -> Iterator[Told]:
    old, new = organisation(before.issuer), organisation(after.issuer)
    if old != new:
        yield Told(CertificateChange.ISSUER_CHANGED, f"from {old or 'nobody'} to {new or 'nobody'}")


def _names(before: Compared, after: Compared) -> Iterator[Told]:
    kept = {name.lower() for name in after.sans}
    lost = [name for name in before.sans if not _covered(name.lower(), kept)]
    if lost:
        more = f" and {len(lost) - _LISTED} more" if len(lost) > _LISTED else ""
        yield Told(CertificateChange.NAMES_LOST, f"lost {', '.join(lost[:_LISTED])}{more}")


def _covered(name: str, kept: set[str]) -> bool:
    return name in kept or f"*.{name.partition('.')[2]}" in kept
