"""One address of a domain: what it showed, and how that stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from cli.answers import Endpoint, NewerCertificate
from cli.life import Life, left
from cli.output import BAD, GOOD, QUIET, STRONG, WARN, pairs, say, table
from cli.words import minute, plain
from registry.facts.domains import Fault, Verdict
from registry.facts.outcomes import Failure


@dataclass(frozen=True, slots=True)
class Seen:
    """What one address showed, or why it showed nothing."""

    address: str
    failure: Failure | None
    verdict: Verdict | None = None
    faults: Sequence[Fault] = ()
    fingerprint: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    how: str = ""
    newer: NewerCertificate | None = None

    def life(self, at: datetime) -> Life | None:
        """Return how far its certificate's life has gone."""
        if self.not_before is None or self.not_after is None:
            return None
        return Life(self.not_before, self.not_after, at)

    @property
    def wrong(self) -> list[tuple[str, str]]:
        """All that is wrong with it: a sentence each, and how programs name it."""
        if self.failure:
            return [(self.failure.detail, "")]
        told = [(fault.detail, _name(fault)) for fault in self.faults]
        return told + ([(_unloaded(self.newer), "")] if self.newer else [])

    @property
    def details(self) -> list[str]:
        """All that is wrong with it, a sentence each."""
        return [detail for detail, _ in self.wrong]

    def is_well(self, at: datetime) -> bool:
        """Tell whether it answered, with a good certificate, its newest, that is not due for renewal."""
        if self.failure or self.newer or self.verdict is not Verdict.OK:
            return False
        life = self.life(at)
        return not (life and life.is_due)

    def standing(self, at: datetime) -> Text:
        """Say in a word or two how it stands."""
        if self.failure:
            return Text(self.failure.reason.replace("_", " "), BAD)
        if self.verdict is not Verdict.OK:
            return Text(str(self.verdict).replace("_", " "), BAD)
        if self.newer:
            return Text("renewed, not loaded", WARN)
        life = self.life(at)
        if life and life.is_due:
            return Text("renewal is due", life.style)
        return Text("ok", GOOD)


def of_endpoint(endpoint: Endpoint) -> Seen:
    """Return what the API says of an address."""
    return Seen(
        address=endpoint.address,
        failure=endpoint.failure,
        verdict=endpoint.verdict,
        faults=endpoint.faults,
        fingerprint=endpoint.fingerprint or "",
        not_before=endpoint.not_before,
        not_after=endpoint.not_after,
        how=endpoint.tls_version or "",
        newer=endpoint.newer,
    )


def show_addresses(seen: Sequence[Seen], at: datetime) -> None:
    """Print a line an address, and then what is wrong, once for all addresses that share it.

    Where they show different certificates, which shows which.
    """
    table(
        ("address", "verdict", "life", ""),
        [(one.address, one.standing(at), left(one.life(at)), Text(one.how, QUIET)) for one in seen],
    )
    _show_wrong(seen)
    _show_disagreement(seen)


def _show_wrong(seen: Sequence[Seen]) -> None:
    wrong: dict[tuple[str, str], list[str]] = {}
    for one in seen:
        for fault in one.wrong:
            wrong.setdefault(fault, []).append(one.address)
    if wrong:
        say("", Text("Wrong", STRONG))
        pairs(
            (
                ", ".join(addresses),
                Text.assemble((plain(detail), WARN), (f"  ({name})" if name else "", QUIET)),
            )
            for (detail, name), addresses in wrong.items()
        )


def _show_disagreement(seen: Sequence[Seen]) -> None:
    showing: dict[str, list[Seen]] = {}
    for one in seen:
        if one.fingerprint:
            showing.setdefault(one.fingerprint, []).append(one)
    if len(showing) > 1:
        say("", Text("The addresses disagree", STRONG))
        pairs(
            (", ".join(one.address for one in alike), _dates(alike[0]))
            for alike in showing.values()
        )


def _unloaded(newer: NewerCertificate) -> str:
    return (
        f"a newer certificate, valid from {minute(newer.not_before)}, is known from {newer.where}"
        f" ({newer.source}): the server has to load it"
    )


def _dates(seen: Seen) -> str:
    start, end = seen.not_before, seen.not_after
    dates = f"{minute(start)} to {minute(end)}" if start and end else "dates that cannot be read"
    return f"{dates}, sha256 {seen.fingerprint[:16]}…"


def _name(fault: Fault) -> str:
    """Name a fault as metrics do, with the error that `openssl verify` would give."""
    code = f", X.509 error {fault.x509_code}" if fault.x509_code is not None else ""
    return f"{fault.verdict}{code}"
