"""A certificate, as `vsa probe` and `vsa domain show` print it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.text import Text

from cli.certificate_answers import Certificate
from cli.life import Life
from cli.output import BAD, STRONG, Cell, pairs, say
from cli.words import minute, plain
from registry.facts.domains import CertificateFacts

_NAMES_SHOWN = 12


def show_certificate(
    certificate: CertificateFacts | Certificate,
    at: datetime,
    *,
    where: str = "",
    more: Sequence[tuple[str, Cell]] = (),
) -> None:
    """Print what a certificate says, `where` it was seen, and `more` about it."""
    say("", Text(f"Certificate{where}", STRONG))
    start, end = certificate.not_before, certificate.not_after
    pairs(
        (
            ("subject", certificate.subject),
            ("names", _names(certificate.sans)),
            ("issuer", certificate.issuer),
            ("valid", f"{minute(start)} to {minute(end)}" if start and end else ""),
            ("life", Life(start, end, at).in_full if start and end else ""),
            *more,
            ("key", key_of(certificate)),
            ("signature", certificate.signature_algorithm),
            ("serial", certificate.serial_number),
            ("sha256", certificate.fingerprint),
            ("unreadable", Text(plain(certificate.parse_error), BAD)),
        )
    )


def key_of(certificate: CertificateFacts | Certificate) -> str:
    """Say which kind of key it has, and how long it is."""
    return f"{certificate.key_type} {certificate.key_bits or ''}".strip()


def _names(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
