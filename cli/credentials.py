"""`vsa credential`: what engines on other machines want to see of us."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer
from rich.text import Text

from cli.answers import Credential, decode, whole
from cli.connection import connect
from cli.faults import BadInput
from cli.options import Json, Unasked, confirm, read_file
from cli.output import QUIET, note, print_json, table
from cli.words import count, minute

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The credential's name.")]
Ca = Annotated[Path | None, typer.Option("--ca", help="CA that engines' certificates are of.")]
Certificate = Annotated[Path | None, typer.Option("--cert", help="Our client certificate.")]
Key = Annotated[Path | None, typer.Option("--key", help="The certificate's private key.")]
SshKey = Annotated[Path | None, typer.Option("--ssh-key", help="Our private key for ssh:// nodes.")]


@app.command("add")
def add_credential(
    name: Name,
    *,
    ca: Ca = None,
    cert: Certificate = None,
    key: Key = None,
    ssh_key: SshKey = None,
    as_json: Json = False,
) -> None:
    """Store a credential, encrypted; it can be replaced, but never be read again.

    Example: vsa credential add fleet --ca ca.pem --cert cert.pem --key key.pem
    """
    body = {"name": name, "secret": _secret(ca, cert, key, ssh_key)}
    _show(connect().send("POST", "/credentials", body), as_json=as_json)


@app.command("set")
def replace_credential(
    name: Name,
    *,
    ca: Ca = None,
    cert: Certificate = None,
    key: Key = None,
    ssh_key: SshKey = None,
    as_json: Json = False,
) -> None:
    """Put another secret in its place; its nodes are asked with it from then on.

    Example: vsa credential set fleet --ssh-key ~/.ssh/vsa
    """
    body = _secret(ca, cert, key, ssh_key)
    _show(connect().send("PUT", _path(name), body), as_json=as_json)


@app.command("list")
def list_credentials(*, as_json: Json = False) -> None:
    """List credentials; never their secrets.

    Example: vsa credential list
    """
    items = connect().items("/credentials")
    if as_json:
        print_json(whole(items))
        return
    found = [decode(item, Credential) for item in items]
    headers = ("credential", "kind", "fingerprint", "valid until", "changed", "nodes")
    rows = [
        (
            one.name,
            one.kind,
            one.facts.fingerprint,
            minute(one.facts.not_after) if one.facts.not_after else "",
            minute(one.updated_at),
            Text(count(len(one.nodes), "node"), "" if one.nodes else QUIET),
        )
        for one in found
    ]
    table(headers, rows)


@app.command("rm")
def remove_credential(name: Name, *, yes: Unasked = False) -> None:
    """Forget a credential that no node uses.

    Example: vsa credential rm fleet
    """
    confirm(f"Forget {name}, and the key in it?", yes=yes)
    connect().send("DELETE", _path(name))
    note(f"{name} is forgotten")


def _show(answer: bytes, *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    stored = decode(answer, Credential)
    note(f"{stored.name} is stored: {stored.facts.fingerprint or 'a CA to trust'}")
    if stored.facts.public_key:  # what goes into authorized_keys, and so to standard output
        typer.echo(stored.facts.public_key)


def _secret(
    ca: Path | None, cert: Path | None, key: Path | None, ssh_key: Path | None
) -> dict[str, str]:
    if ssh_key and (ca or cert or key):
        raise BadInput("--ssh-key: give either this or --ca, --cert and --key")
    if ssh_key:
        return {"kind": "ssh", "private_key": _read("--ssh-key", ssh_key)}
    files = {"ca": ca, "certificate": cert, "key": key}
    texts = {name: _read(f"--{name}", path) for name, path in files.items() if path}
    if not texts:
        raise BadInput("--ssh-key, or --cert and --key, or --ca: one must be given")
    return {"kind": "tls", **texts}


def _read(option: str, path: Path) -> str:
    try:
        return read_file(option, path).decode()
    except UnicodeDecodeError:
        raise BadInput(f"{option}: cannot read {path}: not a text file") from None


def _path(name: str) -> str:
    return f"/credentials/{quote(name, safe='')}"
