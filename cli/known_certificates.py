"""`vsa certificate`: certificates, those that are served and those that are known otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import msgspec
import typer
from rich.text import Text

from cli.answers import decode, whole
from cli.certificate_answers import Certificate, KnownCertificate
from cli.certificates import show_certificate
from cli.connection import connect
from cli.faults import BadInput
from cli.life import Life, left
from cli.options import Json, Unasked, confirm
from cli.output import BAD, QUIET, STRONG, Line, list_lines, note, pairs, print_json, say
from cli.pem import read_certificates
from cli.words import minute, now

if TYPE_CHECKING:
    from cli.client import Api

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The upload's name.")]
File = Annotated[
    Path, typer.Argument(metavar="FILE", help="PEM with the leaf first, or DER; no key is sent.")
]
Which = Annotated[
    str,
    typer.Argument(
        metavar="WHICH", help="Its SHA-256 or how that begins, an upload's name, a file's path."
    ),
]

_FULL = 64
_LEAST_PREFIX = 8
_HEX = frozenset("0123456789abcdef")


@app.command("add")
def add_certificate(name: Name, file: File, *, as_json: Json = False) -> None:
    """Let a certificate be known that is not served yet.

    Under a name that exists it takes the older one's place: a renewal may run this each time.
    An address that serves an older one for the same name is told of.

    Example: vsa certificate add example.com /etc/letsencrypt/live/example.com/fullchain.pem
    """
    body = {"name": name, "pem": read_certificates(file)}
    answer = connect().send("POST", "/certificates", body)
    if as_json:
        print_json(answer)
        return
    known = decode(answer, KnownCertificate)
    until = f", valid until {minute(known.not_after)}" if known.not_after else ""
    note(f"{name} is known: {known.subject}{until}")


@app.command("list")
def list_certificates(*, as_json: Json = False) -> None:
    """List certificates and where each is, the soonest to end first.

    Example: vsa certificate list
    """
    api = connect()
    items = api.items("/certificates")
    if as_json:
        print_json(whole(items))
        return
    at = now()
    lines = [_line(decode(item, Certificate), at) for item in items]
    if lines:
        list_lines(("certificate", "life", "where", "SHA-256"), lines)
    else:
        say("No certificate is known. Try: vsa domain add example.com")
    _show_unreadable([decode(item, KnownCertificate) for item in api.items("/known-certificates")])


@app.command("show")
def show_one(
    which: Which,
    *,
    pem: Annotated[
        bool, typer.Option("--pem", help="Print it and what stood behind it as PEM, nothing else.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show a certificate, and where it is served or known.

    Example: vsa certificate show example.com
    """
    api = connect()
    answer = api.get(f"/certificates/{_find(api, which)}")
    if as_json:
        print_json(answer)
        return
    certificate = decode(answer, Certificate)
    if pem:
        typer.echo(certificate.chain, nl=False)
        return
    show_certificate(certificate, now())
    if places := [*_places(certificate)]:
        say("", Text("Where", STRONG))
        pairs(places)


@app.command("rm")
def remove_certificate(name: Name, *, yes: Unasked = False) -> None:
    """Forget an upload.

    Its certificate stays as long as it is served or anything of the past tells of it.

    Example: vsa certificate rm example.com
    """
    confirm(f"Forget the uploaded certificate {name}?", yes=yes)
    connect().send("DELETE", f"/known-certificates/{quote(name, safe='')}")
    note(f"{name} is forgotten")


def _line(certificate: Certificate, at: datetime) -> Line:
    """Show a certificate; one that is neither served nor known from anywhere may end."""
    start, end = certificate.not_before, certificate.not_after
    life = Life(start, end, at) if start and end else None
    places = [place for _, place in _places(certificate)]
    shown = (
        certificate.subject or ", ".join(certificate.sans[:1]) or "unreadable",
        left(life),
        ", ".join(places) or Text("nowhere now", QUIET),
        certificate.fingerprint[:16],
    )
    return Line(not places or (life is not None and not life.is_due), shown)


def _places(certificate: Certificate) -> Iterator[tuple[str, str]]:
    """Yield how it is come by and where, each domain once."""
    served = dict.fromkeys(f"{one.domain}:{one.port}" for one in certificate.endpoints)
    yield from (("served by", place) for place in served)
    yield from (("known from", one.title) for one in certificate.known)


def _show_unreadable(known: Sequence[KnownCertificate]) -> None:
    unreadable = [one for one in known if one.failure_detail]
    if unreadable:
        say("", Text("Cannot be read", STRONG))
        pairs(
            (f"{one.host}:{one.place}", Text(one.failure_detail or "", BAD)) for one in unreadable
        )


def _find(api: Api, which: str) -> str:
    """Return the fingerprint of the one certificate that is meant."""
    wanted = which.lower().replace(":", "")
    is_hex = len(wanted) >= _LEAST_PREFIX and _HEX.issuperset(wanted)
    if is_hex and len(wanted) == _FULL:
        return wanted
    found: set[str] = {*_held(api, which), *(_beginning(api, wanted) if is_hex else ())}
    if len(found) == 1:
        return found.pop()
    if not found:
        raise BadInput(f"no certificate {which} is known; `vsa certificate list` shows all")
    raise BadInput(f"{which} is several: say which by its SHA-256: {', '.join(sorted(found))}")


def _held(api: Api, place: str) -> Iterator[str]:
    """Yield the fingerprints of uploads and files of that name or path."""
    for item in api.items("/known-certificates"):
        known = decode(item, KnownCertificate)
        if known.place == place and known.fingerprint:
            yield known.fingerprint


def _beginning(api: Api, prefix: str) -> Iterator[str]:
    for item in api.items("/certificates"):
        fingerprint = decode(item, _Named).fingerprint
        if fingerprint.startswith(prefix):
            yield fingerprint


class _Named(msgspec.Struct, frozen=True):
    fingerprint: str
