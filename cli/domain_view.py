"""One domain, as its commands print it, and in one line what is wrong with it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from rich.text import Text

from cli import standing
from cli.answers import Domain, decode
from cli.certificate_answers import Certificate
from cli.certificates import show_certificate
from cli.endpoints import of_endpoint, show_addresses
from cli.output import QUIET, STRONG, pairs, say
from cli.standing import Standing
from cli.words import ago, now, plain
from registry.facts.domains import StartTls

if TYPE_CHECKING:
    from cli.client import Api


def show(api: Api, domain: Domain) -> None:
    """Print a domain: how it stands, each address, each certificate."""
    at, state = now(), domain.state
    stands = standing.of_domain(domain, at) or Standing("", QUIET)
    say(Text.assemble((domain.title, STRONG), "  ", stands.text))
    pairs(
        (
            ("why", Text(plain(stands.detail), stands.style)),
            ("number", str(domain.id)),
            ("starttls", domain.starttls if domain.starttls != StartTls.NONE else ""),
            ("served by", " / ".join(filter(None, (domain.node, domain.container)))),
            ("labels", ", ".join(f"{key}={value}" for key, value in domain.labels.items())),
            ("interval", domain.interval or ""),
            ("asked", ago(state.last_attempt_at, at)),
        )
    )
    if state.endpoints:
        say()
        show_addresses([of_endpoint(one) for one in state.endpoints], at)
    for fingerprint in dict.fromkeys(one.fingerprint for one in state.endpoints):
        if fingerprint:
            certificate = decode(api.get(f"/certificates/{fingerprint}"), Certificate)
            show_certificate(certificate, at)


def troubles(domain: Domain, at: datetime) -> list[str]:
    """Say in a few words each what is not well with a domain, and where; nothing when all is."""
    stands = standing.of_domain(domain, at)
    if stands and not stands.is_well:
        return [f"{stands.word} ({plain(stands.detail)})"]
    where: dict[str, list[str]] = {}
    for one in map(of_endpoint, domain.state.endpoints):
        if not one.is_well(at):
            where.setdefault(one.standing(at).plain, []).append(one.address)
    return [f"{word} at {', '.join(addresses)}" for word, addresses in where.items()]
