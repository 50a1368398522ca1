"""`vsa probe`: one look at an endpoint from here; it needs neither API nor database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.text import Text

from cli.certificates import show_certificate
from cli.connection import own_settings
from cli.endpoints import Seen, show_addresses
from cli.faults import NOT_WELL, CannotReach
from cli.options import ServerName, StartTlsOption, Timeout, checked, split_port
from cli.output import STRONG, print_json, say, table
from cli.words import count, minute, now
from registry.durations import parse_duration
from registry.facts.domains import DomainFacts, DomainQuestion, EndpointOutcome, StartTls
from registry.facts.outcomes import Failure

if TYPE_CHECKING:
    from registry.settings import Settings

_HTTPS = 443


def probe(
    host: Annotated[str, typer.Argument(metavar="HOST[:PORT]", help="Port 443 if none is given.")],
    starttls: StartTlsOption = StartTls.NONE,
    server_name: ServerName = None,
    timeout: Timeout = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")] = False,
) -> None:
    """Look once at a TLS endpoint, without watching it.

    Shows each address with its verdict, the chain, and the share of life left. Exit code 1: a bad
    certificate, one that should have been renewed by now, or an address that does not answer;
    3: none answers.

    Example: vsa probe mail.example.com:25 --starttls smtp
    """
    from registry.rules import domain_name

    settings = own_settings()
    name, port = split_port(host, _HTTPS)
    question = DomainQuestion(
        domain_id=0,
        name=checked("name", domain_name, name),
        port=port,
        starttls=starttls,
        server_name=checked("server name", domain_name, server_name or name),
        time_limit=(
            checked("timeout", parse_duration, timeout) if timeout else settings.probe_timeout
        ),
    )
    answer = _ask(settings, question)
    if as_json:
        print_json(msgspec.json.encode(answer))
    elif isinstance(answer, Failure):
        raise CannotReach(answer.detail)
    else:
        _show(question, answer)
    raise typer.Exit(_exit_code(answer))


def _ask(settings: Settings, question: DomainQuestion) -> DomainFacts | Failure:
    from cli.running import run
    from cli.trust import make_probe

    async def ask() -> DomainFacts | Failure:
        probe = make_probe(settings)
        try:
            return await probe.ask(question)
        finally:
            await probe.close()

    return run(ask())


def _exit_code(answer: DomainFacts | Failure) -> int:
    if isinstance(answer, Failure) or all(outcome.failure for outcome in answer.endpoints):
        return CannotReach.exit_code
    at = now()
    return 0 if all(_seen(outcome).is_well(at) for outcome in answer.endpoints) else NOT_WELL


def _show(question: DomainQuestion, facts: DomainFacts) -> None:
    at = now()
    where = f"{question.name} port {question.port}"
    say(Text(f"{where}, {count(len(facts.endpoints), 'address')}", STRONG), "")
    show_addresses([_seen(one) for one in facts.endpoints], at)
    shown: set[str] = set()
    for outcome in facts.endpoints:
        if outcome.facts and outcome.facts.certificate.fingerprint not in shown:
            shown.add(outcome.facts.certificate.fingerprint)
            show_certificate(outcome.facts.certificate, at)
            _show_chain(outcome.facts.chain)


def _show_chain(chain: tuple[bytes, ...]) -> None:
    from registry.x509 import read_certificate

    say("", Text("Chain as sent", STRONG))
    sent = [read_certificate(der).facts for der in chain]
    table(
        ("  #", "until", "subject"),
        [
            (f"  {place}", minute(one.not_after) if one.not_after else "", one.subject)
            for place, one in enumerate(sent)
        ],
    )


def _seen(outcome: EndpointOutcome) -> Seen:
    facts = outcome.facts
    if facts is None:
        return Seen(outcome.address, outcome.failure)
    return Seen(
        address=outcome.address,
        failure=None,
        verdict=facts.verdict,
        faults=facts.faults,
        fingerprint=facts.certificate.fingerprint,
        not_before=facts.certificate.not_before,
        not_after=facts.certificate.not_after,
        how=f"{facts.tls_version} {facts.cipher} {outcome.seconds * 1000:.0f} ms",
    )
