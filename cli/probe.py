"""`vsa probe`: one look at an endpoint from here; it needs neither API nor database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.text import Text

from cli.certificates import key_of, show_certificate
from cli.connection import own_settings
from cli.endpoints import Seen, show_addresses
from cli.faults import NOT_WELL, BadInput, CannotReach
from cli.options import ServerName, StartTlsOption, Timeout, checked, split_port
from cli.output import BAD, GOOD, QUIET, STRONG, WARN, Cell, print_json, say, table
from cli.words import count, letters, minute, now, plain
from registry.durations import parse_duration
from registry.facts.domains import (
    DomainFacts,
    DomainQuestion,
    EndpointFacts,
    EndpointOutcome,
    OcspStaple,
    OcspStatus,
    StartTls,
)
from registry.facts.outcomes import Failure

if TYPE_CHECKING:
    from registry.settings import Settings

_HTTPS = 443
_MOST_BYTES = 1 << 20
_STAPLED = {OcspStatus.GOOD: GOOD, OcspStatus.UNKNOWN: WARN, OcspStatus.INVALID: WARN}

Ca = Annotated[
    Path | None,
    typer.Option("--ca", metavar="FILE", help="Trust the authorities of this PEM file too."),
]
OneAddress = Annotated[
    str | None, typer.Option("--address", metavar="IP", help="Ask this address, not those of DNS.")
]


def probe(
    host: Annotated[str, typer.Argument(metavar="HOST[:PORT]", help="Port 443 if none is given.")],
    *,
    starttls: StartTlsOption = StartTls.NONE,
    server_name: ServerName = None,
    address: OneAddress = None,
    ca: Ca = None,
    timeout: Timeout = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")] = False,
) -> None:
    """Look once at a TLS endpoint, without watching it.

    Shows each address with its verdict and all that is wrong, the certificate with the share of life
    left, the stapled OCSP answer, the chain. Exit code 1: a bad certificate, one that should have been
    renewed by now, or an address that does not answer; 3: none answers.

    Example: vsa probe mail.example.com:25 --starttls smtp
    """
    from registry.rules import domain_name

    settings = own_settings()
    name, port = split_port(host, _HTTPS)
    name = checked("name", domain_name, name)
    question = DomainQuestion(
        domain_id=0,
        name=checked("address", _ip_address, address) if address else name,
        port=port,
        starttls=starttls,
        server_name=checked("server name", domain_name, server_name) if server_name else name,
        time_limit=(
            checked("timeout", parse_duration, timeout) if timeout else settings.probe_timeout
        ),
        authorities=_authorities(ca) if ca else (),
    )
    answer = _ask(settings, question)
    if as_json:
        print_json(msgspec.json.encode(answer))
    elif isinstance(answer, Failure):
        raise CannotReach(answer.detail)
    else:
        _show(f"{letters(name)} port {port}", answer)
    raise typer.Exit(_exit_code(answer))


def _ip_address(text: str) -> str:
    try:
        return str(ip_address(text.strip("[]")))
    except ValueError:
        raise ValueError(f"must be an IP address, not {text!r}") from None


def _authorities(path: Path) -> tuple[bytes, ...]:
    from registry.errors import Invalid
    from registry.pem import read_chain

    try:
        with path.open("rb") as file:
            return read_chain(str(path), file.read(_MOST_BYTES).decode("ascii", "replace"))
    except OSError as error:
        raise BadInput(f"--ca: cannot read {path}: {error.strerror}") from None
    except Invalid as error:
        raise BadInput(f"--ca: {error}") from None


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


def _show(where: str, answer: DomainFacts) -> None:
    at = now()
    say(Text(f"{where}, {count(len(answer.endpoints), 'address')}", STRONG), "")
    show_addresses([_seen(one) for one in answer.endpoints], at)
    showing: dict[str, dict[str, EndpointFacts]] = {}
    for one in answer.endpoints:
        if one.facts:
            alike = showing.setdefault(one.facts.certificate.fingerprint, {})
            alike[one.address] = one.facts
    for alike in showing.values():
        _show_shown(alike, at, f" of {', '.join(alike)}" if len(showing) > 1 else "")


def _show_shown(alike: Mapping[str, EndpointFacts], at: datetime, where: str) -> None:
    """Print the certificate that some addresses show, what each staples to it, and the chain."""
    facts = next(iter(alike.values()))
    staples: dict[tuple[str, str], list[str]] = {}
    for address, one in alike.items():
        staples.setdefault(_stapled(one.staple), []).append(address)
    end = facts.chain_not_after
    verified = f"verified, ends {minute(end)}" if end else Text("not verified", BAD)
    more: list[tuple[str, Cell]] = [("chain", verified)]
    for (said, style), addresses in staples.items():
        by = f" by {', '.join(addresses)}" if len(staples) > 1 else ""
        more.append(("ocsp", Text.assemble((said, style), (by, QUIET))))
    show_certificate(facts.certificate, at, where=where, more=more)
    _show_chain(facts.chain)


def _stapled(staple: OcspStaple | None) -> tuple[str, str]:
    """Say what an address staples, and in which colour."""
    if staple is None:
        return "nothing stapled", QUIET
    until = f", until {minute(staple.next_update)}" if staple.next_update else ""
    why = f": {plain(staple.detail)}" if staple.detail else ""
    return f"{staple.status}{why}{until}", _STAPLED.get(staple.status, BAD)


def _show_chain(chain: tuple[bytes, ...]) -> None:
    from registry.x509 import read_certificate

    say("", Text("Chain as sent", STRONG))
    sent = [read_certificate(der).facts for der in chain]
    table(
        ("  #", "until", "key", "subject"),
        [
            (f"  {place}", minute(one.not_after) if one.not_after else "", key_of(one), one.subject)
            for place, one in enumerate(sent)
        ],
    )
    if sent[-1].issuer != sent[-1].subject:
        say(Text(f"  issued by {plain(sent[-1].issuer)}, which was not sent", QUIET))


def _seen(outcome: EndpointOutcome) -> Seen:
    facts = outcome.facts
    if facts is None:
        return Seen(outcome.address, outcome.failure)
    spoken = f"{facts.tls_version} {facts.cipher} {plain(facts.alpn)}".rstrip()
    return Seen(
        address=outcome.address,
        failure=None,
        verdict=facts.verdict,
        faults=facts.faults,
        fingerprint=facts.certificate.fingerprint,
        not_before=facts.certificate.not_before,
        not_after=facts.certificate.not_after,
        how=f"{spoken} {outcome.seconds * 1000:.0f} ms",
    )
