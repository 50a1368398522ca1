"""One address of a domain: what it showed, and how that stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from cli.answers import Endpoint
from cli.life import Life, left
from cli.output import BAD, GOOD, QUIET, STRONG, WARN, pairs, say, table
from cli.words import plain
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

    def life(self, at: datetime) -> Life | None:
        """Return how far its certificate's life has gone."""
        if self.not_before is None or self.not_after is None:
            return None
        return Life(self.not_before, self.not_after, at)

    @property
    def details(self) -> list[str]:
        """All that is wrong with it, a sentence each."""
        return [self.failure.detail] if self.failure else [fault.detail for fault in self.faults]

    def is_well(self, at: datetime) -> bool:
        """Tell whether it answered, with a good certificate that is not due for renewal."""
        life = self.life(at)
        return self.failure is None and self.verdict is Verdict.OK and not (life and life.is_due)

    def standing(self, at: datetime) -> Text:
        """Say in a word or two how it stands."""
        if self.failure:
            return Text(self.failure.reason.replace("_", " "), BAD)
        if self.verdict is not Verdict.OK:
            return Text(str(self.verdict).replace("_", " "), BAD)
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
    )


def show_addresses(seen: Sequence[Seen], at: datetime) -> None:
    """Print a line an address, and then what is wrong, once for all addresses that share it."""
    table(
        ("address", "verdict", "life", ""),
        [(one.address, one.standing(at), left(one.life(at)), Text(one.how, QUIET)) for one in seen],
    )
    wrong: dict[str, list[str]] = {}
    for one in seen:
        for detail in one.details:
            wrong.setdefault(detail, []).append(one.address)
    if wrong:
        say("", Text("Wrong", STRONG))
        pairs((", ".join(addresses), Text(plain(why), WARN)) for why, addresses in wrong.items())
