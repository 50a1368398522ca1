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
from registry.facts.domains import DomainFacts, DomainQuestion, EndpointFacts, EndpointOutcome
from registry.facts.outcomes import Cost, Failure, FailureReason

log = logging.getLogger(__name__)


class TlsProbe:
    """Looks at TLS endpoints with one shared trust; safe for any number of questions at once.

    `refuse` says why an IP address may not be asked, or None. `clock` gives Unix seconds, by which
    dates are judged. `lookup` replaces the system's resolver.
    """

    def __init__(
        self,
        *,
        trust_bundle: Path | None = None,
        refuse: Callable[[str], str | None],
        clock: Callable[[], float] = time.time,
        lookup: Lookup | None = None,
    ) -> None:
        self._verifier = Verifier(trust_bundle)
        self._refuse = refuse
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
        addresses = await self._addresses(question, deadline)
        resolved = loop.time()
        looks = [Look() for _ in addresses]
        outcomes = await _all(
            [
                self._outcome(address, question, look, deadline)
                for address, look in zip(addresses, looks, strict=True)
            ]
        )
        cost = Cost(
            requests=len(looks),
            received_bytes=sum(look.received_bytes for look in looks),
            phase_seconds={"resolve": resolved - started, "ask": loop.time() - resolved},
        )
        return DomainFacts(tuple(outcomes), cost)

    async def _addresses(self, question: DomainQuestion, deadline: float) -> list[str]:
        try:
            async with asyncio.timeout_at(deadline):
                return await addresses_of(question.name, self._lookup)
        except TimeoutError:
            detail = f"{question.name} was not resolved within {question.time_limit:g} s"
            raise NoAnswerError(FailureReason.DNS, detail) from None

    async def _outcome(
        self, address: str, question: DomainQuestion, look: Look, deadline: float
    ) -> EndpointOutcome:
        started = time.perf_counter()
        facts, failure = None, None
        try:
            async with asyncio.timeout_at(deadline):
                facts = await self._facts(address, question, look)
        except NoAnswerError as none:
            failure = none.failure
        except TimeoutError:
            detail = f"{look.step} took longer than {question.time_limit:g} s"
            failure = Failure(FailureReason.TIMEOUT, detail)
        except Exception as error:  # noqa: BLE001 - nor the other addresses
            failure = _surprise(question.name, error)
        seconds = time.perf_counter() - started
        return EndpointOutcome(address, question.port, seconds, facts, failure)

    async def _facts(self, address: str, question: DomainQuestion, look: Look) -> EndpointFacts:
        if why := self._refuse(address):
            raise NoAnswerError(FailureReason.FORBIDDEN, why)
        now = datetime.fromtimestamp(self._clock(), UTC)
        shown = await self._verifier.look(address, question, look, now)
        return judge(shown, question.server_name, now)


async def _all(
    looks: list[Coroutine[None, None, EndpointOutcome]],
) -> Sequence[EndpointOutcome]:
    if len(looks) == 1:  # needs no task of its own, which is a twentieth of its cost
        return [await looks[0]]
    return await asyncio.gather(*looks)


def _surprise(name: str, error: Exception) -> Failure:
    log.error("asking %s failed in a way that nobody thought of", name, exc_info=error)
    return Failure(FailureReason.INTERNAL, f"{type(error).__name__}: {error}")
