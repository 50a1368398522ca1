"""What a domain's addresses served, and what changed, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from cli.answers import Domain
from cli.certificate_answers import CertificateChange, Served
from cli.output import BAD, GOOD, QUIET, STRONG, WARN, say, table
from cli.words import minute

_SIGNS = {"renewed": GOOD, "rolled_back": BAD, "issuer_changed": WARN, "names_lost": BAD}


def show_served(domain: Domain, served: Sequence[Served]) -> None:
    """Show which address served which certificate from when until when."""
    say(Text(domain.title, STRONG))
    if not served:
        say("No address showed a certificate yet.")
    rows = [
        (
            f"  {one.address}",
            minute(one.seen_from),
            minute(one.seen_until) if one.seen_until else Text("now", GOOD),
            minute(one.not_after) if one.not_after else "",
            one.fingerprint[:16],
            Text(one.issuer, QUIET),
        )
        for one in served
    ]
    table(("  address", "served from", "until", "ends", "SHA-256", "issuer"), rows)


def show_changes(changes: Sequence[CertificateChange]) -> None:
    """Show what was new about each certificate that took another's place."""
    if not changes:
        return
    say("", Text("Changes", STRONG))
    rows = [
        (
            f"  {minute(one.at)}",
            one.address,
            Text(one.change.replace("_", " "), _SIGNS.get(one.change, "")),
            Text(one.detail, QUIET),
        )
        for one in changes
    ]
    table(("  time", "address", "what", "how"), rows)
