"""`vsa domain`: the names whose TLS is watched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from cli.answers import Domain, DomainOutcome, decode, part, whole
from cli.certificate_answers import CertificateChange, Served
from cli.connection import connect
from cli.domain_history import show_changes, show_served
from cli.domain_view import show, troubles
from cli.faults import NOT_WELL, BadInput, CannotReach
from cli.lines import DOMAIN_HEADERS, domain_lines
from cli.options import (
    Enabled,
    Interval,
    Json,
    Labels,
    ServerName,
    StartTlsOption,
    Timeout,
    Unasked,
    Unlabel,
    checked,
    confirm,
    given,
    read_labels,
    split_port,
)
from cli.output import WARN, list_lines, note, print_json, say
from cli.words import now
from registry.facts.domains import StartTls

if TYPE_CHECKING:
    from cli.client import Api

app = typer.Typer(no_args_is_help=True)

Which = Annotated[
    str, typer.Argument(metavar="NAME[:PORT]", help="The domain, or the number that lists show.")
]
Port = Annotated[
    int | None,
    typer.Option(
        metavar="PORT", min=1, max=65535, help="The port, if not in NAME[:PORT]; else 443."
    ),
]
OnNode = Annotated[str | None, typer.Option("--node", metavar="NODE", help="The node it lives on.")]
InContainer = Annotated[
    str | None, typer.Option("--container", metavar="NAME", help="The container that serves it.")
]


@app.command("add")
def add_domain(
    name: Annotated[str, typer.Argument(metavar="NAME[:PORT]", help="A DNS name or an address.")],
    *,
    port: Port = None,
    starttls: StartTlsOption = StartTls.NONE,
    server_name: ServerName = None,
    node: OnNode = None,
    container: InContainer = None,
    labels: Labels = None,
    interval: Interval = None,
    timeout: Timeout = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Do not ask it yet.")] = False,
    as_json: Json = False,
) -> None:
    """Watch a domain, and look at its certificate at once.

    Example: vsa domain add mail.example.com:25 --starttls smtp
    """
    api = connect()
    host, found = split_port(name, port or 443)
    if port and found != port:
        raise BadInput(f"--port: {port} contradicts {name}")
    body = given(
        name=host,
        port=found,
        starttls=starttls,
        server_name=server_name,
        node=node,
        container=container,
        labels=read_labels(labels),
        enabled=not disabled,
        interval=interval,
        timeout=timeout,
    )
    added = api.send("POST", "/domains", body)
    if not disabled:
        added = _first_look(api, decode(added, Domain)) or added
    if as_json:
        print_json(added)
    else:
        show(api, decode(added, Domain))
    _warn(decode(added, Domain))


@app.command("check")
def check_domain(which: Which, *, as_json: Json = False) -> None:
    """Ask a domain now, by a collector, and say how it stands.

    Exit code 1: a bad certificate, one that should have been renewed by now, or an address that does not
    answer; 3: none answers.

    Example: vsa domain check example.com
    """
    api = connect()
    domain = find_domain(api, which)
    note(f"looking at {domain.title} …")
    answer = api.send("POST", f"/domains/{domain.id}/probe")
    outcome = decode(answer, DomainOutcome)
    if as_json:
        print_json(answer)
    else:
        show(api, outcome.domain)
    is_well = _warn(outcome.domain)
    if outcome.failure:
        raise typer.Exit(CannotReach.exit_code)
    raise typer.Exit(0 if is_well else NOT_WELL)


@app.command("set")
def change_domain(
    which: Which,
    *,
    port: Port = None,
    starttls: Annotated[StartTls | None, typer.Option(help="What is spoken before TLS.")] = None,
    server_name: ServerName = None,
    node: OnNode = None,
    container: InContainer = None,
    labels: Labels = None,
    unlabel: Unlabel = None,
    interval: Interval = None,
    timeout: Timeout = None,
    enabled: Enabled = None,
    as_json: Json = False,
) -> None:
    """Change a domain.

    Only what is given changes; `default` brings a default back.

    Example: vsa domain set example.com --interval 10m --server-name default
    """
    api = connect()
    body = given(
        port=port,
        starttls=starttls,
        server_name=server_name,
        node=node,
        container=container,
        labels=read_labels(labels, unlabel) or None,
        enabled=enabled,
        interval=interval,
        timeout=timeout,
    )
    changed = api.send("PATCH", f"/domains/{find_domain(api, which).id}", body)
    if as_json:
        print_json(changed)
    else:
        show(api, decode(changed, Domain))


@app.command("list")
def list_domains(
    *,
    label: Annotated[
        str | None, typer.Option(metavar="KEY=VALUE", help="Only domains with this label.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List domains by name, a line an address.

    Example: vsa domain list
    """
    items = connect().items("/domains", label=label)
    if as_json:
        print_json(whole(items))
    elif items:
        at = now()
        domains = (decode(item, Domain) for item in items)
        list_lines(DOMAIN_HEADERS, [line for one in domains for line in domain_lines(one, at)])
    else:
        say("No domain is watched. Try: vsa domain add example.com")


@app.command("show")
def show_domain(which: Which, *, as_json: Json = False) -> None:
    """Show a domain: each address, its verdict, its certificate.

    Example: vsa domain show example.com
    """
    api = connect()
    domain = find_domain(api, which)
    if as_json:
        print_json(api.get(f"/domains/{domain.id}"))
    else:
        show(api, domain)


@app.command("history")
def show_history(which: Which, *, as_json: Json = False) -> None:
    """Show what each address served when, and what changed.

    Example: vsa domain history example.com
    """
    api = connect()
    domain = find_domain(api, which)
    served = api.items(f"/domains/{domain.id}/served")
    changes = api.items(f"/domains/{domain.id}/certificate-changes")
    if as_json:
        print_json(msgspec.json.encode({"served": served, "changes": changes}))
        return
    show_served(domain, [decode(item, Served) for item in served])
    show_changes([decode(item, CertificateChange) for item in changes])


@app.command("rm")
def remove_domain(which: Which, *, yes: Unasked = False) -> None:
    """Stop watching a domain, and forget what was seen of it.

    Its certificates stay for VSA_RETENTION.

    Example: vsa domain rm example.com
    """
    api = connect()
    domain = find_domain(api, which)
    confirm(f"Stop watching {domain.title}, and forget what was seen of it?", yes=yes)
    api.send("DELETE", f"/domains/{domain.id}")
    note(f"{domain.title} is no longer watched")


def _first_look(api: Api, domain: Domain) -> bytes | None:
    """Have a new domain asked, and return it as it is then; None when no collector is there to ask."""
    note(f"added; looking at {domain.title} …")
    try:
        outcome = api.send("POST", f"/domains/{domain.id}/probe")
    except CannotReach as error:  # it is added all the same
        note(str(error), WARN)
        return None
    return part(outcome, "domain")


def _warn(domain: Domain) -> bool:
    """Warn of what is not well with a domain, in the last line that is read; tell whether all is."""
    found = troubles(domain, now())
    if found:
        note(f"{domain.title} is not well: {'; '.join(found)}", WARN)
    return not found


def find_domain(api: Api, which: str) -> Domain:
    """Return the one domain that is meant: by number, by name and port, or by name alone."""
    if which.isdecimal():
        return decode(api.get(f"/domains/{which}"), Domain)
    from registry.rules import domain_name

    name, port = split_port(which, 0)
    name = checked("name", domain_name, name)
    found = [
        domain
        for domain in (decode(item, Domain) for item in api.items("/domains"))
        if domain.name == name and port in {0, domain.port}
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        raise BadInput(f"no domain {which} is watched; `vsa domain list` shows all")
    several = ", ".join(f"{one.id} ({one.title})" for one in found)
    raise BadInput(f"{which} is several: say which by its number: {several}")
