"""Looks with no more work than is needed: a chain that verified is not verified again while its dates hold."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path

from collector.tls.answer import Look, Shown
from collector.tls.context import capturing_context, verifying_context
from collector.tls.look import look_at
from registry.facts.domains import DomainQuestion, StartTls
from registry.x509 import read_certificate

_REMEMBERED = 20_000
# Each holds the system's authorities, a megabyte.
_CONTEXTS = 64

Endpoint = tuple[str, int, StartTls, str, tuple[bytes, ...]]


@dataclass(frozen=True, slots=True)
class Verified:
    """What an endpoint showed when OpenSSL found no fault in it, and while which dates that holds."""

    shown: Shown
    since: datetime
    until: datetime


class Verifier:
    """Whom we trust: the system's authorities, a bundle, and those of each question; and what was verified.

    Verifying is a third of a handshake's cost. Signatures and trust do not change while this process
    lives, so an endpoint that shows the very chain that verified is only made to prove that it has the
    key. Another chain, one whose dates have passed, or one with any fault is verified in full.
    """

    def __init__(self, trust_bundle: Path | None) -> None:
        self._trusting = lru_cache(_CONTEXTS)(partial(verifying_context, trust_bundle))
        self._trusting(())  # a bundle that cannot be read is told at the start
        self._capturing = capturing_context()
        self._verified: OrderedDict[Endpoint, Verified] = OrderedDict()

    async def look(
        self, address: str, question: DomainQuestion, look: Look, now: datetime
    ) -> Shown:
        """Return what an address showed, verified; raises NoAnswerError as `look_at` does."""
        trust = question.authorities
        endpoint = (address, question.port, question.starttls, question.server_name, trust)
        known = self._verified.get(endpoint)
        if known and known.since <= now <= known.until:
            shown = await look_at(address, question, self._capturing, look)
            if shown.chain == known.shown.chain:
                return replace(shown, path=known.shown.path)
        shown = await look_at(address, question, self._trusting(trust), look)
        self._remember(endpoint, shown)
        return shown

    def _remember(self, endpoint: Endpoint, shown: Shown) -> None:
        self._verified.pop(endpoint, None)
        path = [read_certificate(der).facts for der in shown.path]
        starts = [facts.not_before for facts in path if facts.not_before]
        ends = [facts.not_after for facts in path if facts.not_after]
        if shown.errors or not path or not len(path) == len(starts) == len(ends):
            return
        # The parser remembers the same bytes: endpoints that share a certificate share its memory.
        chain = tuple(read_certificate(der).facts.der for der in shown.chain)
        kept = replace(shown, chain=chain, path=tuple(facts.der for facts in path), staple=b"")
        self._verified[endpoint] = Verified(kept, max(starts), min(ends))
        if len(self._verified) > _REMEMBERED:
            self._verified.popitem(last=False)
