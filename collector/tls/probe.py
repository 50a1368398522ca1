"""Asks every address of one domain for its certificate, and judges it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import Path

from collector.resolver import Lookup, SystemLookup
from collector.tls.answer import Look, NoAnswerError
from collector.tls.judge import judge
from collector.tls.resolve import addresses_of
from collector.tls.verified import Verifier
from registry.facts.domains import (
    AddressSource,
    DomainFacts,
    DomainQuestion,
    EndpointFacts,
    EndpointOutcome,
)
from registry.facts.outcomes import Cost, Failure, FailureReason

log = logging.getLogger(__name__)


class TlsProbe:
    """Looks at TLS endpoints with one shared trust; safe for any number of questions at once.

    `refuse` says why an IP address may not be asked, or None; `refuse_node` the same of a node's own,
    which somebody registered. `clock` gives Unix seconds, by which
    dates are judged. `lookup` replaces the system's resolver.
    """

    def __init__(
        self,
        *,
        trust_bundle: Path | None = None,
        refuse: Callable[[str], str | None],
        refuse_node: Callable[[str], str | None] | None = None,
        clock: Callable[[], float] = time.time,
        lookup: Lookup | None = None,
    ) -> None:
        self._verifier = Verifier(trust_bundle)
        self._refuse = {
            AddressSource.RESOLVED: refuse,
            AddressSource.NODE: refuse_node or refuse,
        }
        self._clock = clock
        self._lookup = lookup or SystemLookup()

    async def ask(self, question: DomainQuestion) -> DomainFacts | Failure:
        """Ask every address of a domain at once, all within `question.time_limit` seconds.

        Returns a Failure only when there is no address to ask; each address has its own outcome.
        """
        try:
            return await self._ask(question)
        except NoAnswerError as none:
            return none.failure
        except Exception as error:  # noqa: BLE001 - one target's surprise must not hurt the next
            return _surprise(question.name, error)

    async def close(self) -> None:
        """Do nothing: a look leaves nothing open behind it."""

    async def _ask(self, question: DomainQuestion) -> DomainFacts:
        loop = asyncio.get_running_loop()
        started = loop.time()
        deadline = started + question.time_limit
        addresses, unresolved = await self._addresses(question, deadline)
        resolved = loop.time()
        looks = [Look() for _ in addresses]
        outcomes = await _all(
            [
                self._outcome(address, source, question, look, deadline)
                for (address, source), look in zip(addresses.items(), looks, strict=True)
            ]
        )
        cost = Cost(
            requests=len(looks),
            received_bytes=sum(look.received_bytes for look in looks),
            phase_seconds={"resolve": resolved - started, "ask": loop.time() - resolved},
        )
        return DomainFacts(tuple(outcomes), cost, unresolved)

    async def _addresses(
        self, question: DomainQuestion, deadline: float
    ) -> tuple[dict[str, AddressSource], Failure | None]:
        """Return whom to ask, and why DNS gave nobody; raises NoAnswerError when there is nobody at all."""
        found = await self._resolved(question.name, question, deadline)
        theirs = (
            await self._resolved(question.node_host, question, deadline)
            if question.node_host
            else []
        )
        unresolved = found if isinstance(found, Failure) else None
        addresses = dict.fromkeys(_known(theirs), AddressSource.NODE)
        addresses |= dict.fromkeys(_known(found), AddressSource.RESOLVED)
        if unresolved and not addresses:
            raise NoAnswerError(unresolved.reason, unresolved.detail)
        return addresses, unresolved

    async def _resolved(
        self, name: str, question: DomainQuestion, deadline: float
    ) -> list[str] | Failure:
        try:
            async with asyncio.timeout_at(deadline):
                return await addresses_of(name, self._lookup)
        except NoAnswerError as none:
            return none.failure
        except TimeoutError:
            detail = f"{name} was not resolved within {question.time_limit:g} s"
            return Failure(FailureReason.DNS, detail)

    async def _outcome(
        self,
        address: str,
        source: AddressSource,
        question: DomainQuestion,
        look: Look,
        deadline: float,
    ) -> EndpointOutcome:
        started = time.perf_counter()
        facts, failure = None, None
        try:
            async with asyncio.timeout_at(deadline):
                facts = await self._facts(address, source, question, look)
        except NoAnswerError as none:
            failure = none.failure
        except TimeoutError:
            detail = f"{look.step} took longer than {question.time_limit:g} s"
            failure = Failure(FailureReason.TIMEOUT, detail)
        except Exception as error:  # noqa: BLE001 - nor the other addresses
            failure = _surprise(question.name, error)
        seconds = time.perf_counter() - started
        return EndpointOutcome(address, question.port, seconds, facts, failure, source)

    async def _facts(
        self, address: str, source: AddressSource, question: DomainQuestion, look: Look
    ) -> EndpointFacts:
        if why := self._refuse[source](address):
            raise NoAnswerError(FailureReason.FORBIDDEN, why)
        now = datetime.fromtimestamp(self._clock(), UTC)
        shown = await self._verifier.look(address, question, look, now)
        return judge(shown, question.server_name, now)


def _known(found: list[str] | Failure) -> list[str]:
    return [] if isinstance(found, Failure) else found


async def _all(
    looks: list[Coroutine[None, None, EndpointOutcome]],
) -> Sequence[EndpointOutcome]:
    if len(looks) == 1:  # needs no task of its own, which is a twentieth of its cost
        return [await looks[0]]
    return await asyncio.gather(*looks)


def _surprise(name: str, error: Exception) -> Failure:
    log.error("asking %s failed in a way that nobody thought of", name, exc_info=error)
    return Failure(FailureReason.INTERNAL, f"{type(error).__name__}: {error}")
