"""`vsa authority`: roots of private PKIs that are trusted beside the system's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer
from rich.text import Text

from cli.answers import decode, whole
from cli.certificate_answers import Authority
from cli.connection import connect
from cli.domains import find_domain
from cli.life import Life, left
from cli.options import Json, Unasked, confirm
from cli.output import QUIET, note, print_json, say, table
from cli.pem import read_certificates
from cli.words import now

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="What to call the authority.")]
Root = Annotated[
    Path, typer.Argument(metavar="FILE", help="The root's certificate, as PEM or DER.")
]
ForDomain = Annotated[
    str | None,
    typer.Option(
        "--domain", metavar="NAME[:PORT]", help="Trust it for this domain alone, not for all."
    ),
]


@app.command("add")
def add_authority(
    name: Name, file: Root, *, domain: ForDomain = None, as_json: Json = False
) -> None:
    """Trust a root; domains that it may vouch for are asked at once.

    Example: vsa authority add corp corp-root.pem --domain intranet.example.com
    """
    api = connect()
    body = {
        "name": name,
        "pem": read_certificates(file),
        "domain_id": find_domain(api, domain).id if domain else None,
    }
    answer = api.send("POST", "/authorities", body)
    if as_json:
        print_json(answer)
        return
    made = decode(answer, Authority)
    note(f"{made.name} is trusted for {made.domain or 'every domain'}: {made.facts.subject}")
    note(f"SHA-256 {made.facts.fingerprint}")


@app.command("list")
def list_authorities(*, as_json: Json = False) -> None:
    """List the roots that are trusted beside the system's.

    Example: vsa authority list
    """
    items = connect().items("/authorities")
    if as_json:
        print_json(whole(items))
        return
    if not items:
        say("No authority is trusted but the system's. Try: vsa authority add corp root.pem")
        return
    at = now()
    found = [decode(item, Authority) for item in items]
    rows = [
        (
            one.name,
            one.domain or Text("every domain", QUIET),
            left(Life(one.facts.not_before, one.facts.not_after, at)),
            one.facts.fingerprint[:16],
            one.facts.subject,
        )
        for one in found
    ]
    table(("authority", "trusted for", "life", "SHA-256", "subject"), rows)


@app.command("rm")
def remove_authority(name: Name, *, yes: Unasked = False) -> None:
    """Trust an authority no more.

    Example: vsa authority rm corp
    """
    confirm(f"Trust {name} no more?", yes=yes)
    connect().send("DELETE", f"/authorities/{quote(name, safe='')}")
    note(f"{name} is trusted no more")
