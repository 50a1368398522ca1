"""`vsa token`: who may use the API."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import quote

import typer
from rich.text import Text

from cli.answers import NewToken, Token, decode, whole
from cli.connection import connect
from cli.options import Json, Unasked, confirm
from cli.output import QUIET, note, print_json, table
from cli.words import ago, minute, now

app = typer.Typer(no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Its name: the actor in the audit trail.")
]


@app.command("create")
def create_token(
    name: Name,
    role: Annotated[
        Literal["read", "write", "admin"],
        typer.Option(help="read: look; write: change nodes and domains too; admin: tokens too."),
    ],
    *,
    as_json: Json = False,
) -> None:
    """Make a token, and print it this one time.

    Example: vsa token create prometheus --role read > /etc/prometheus/vsa_token
    """
    made = connect().send("POST", "/tokens", {"name": name, "role": role})
    if as_json:
        print_json(made)
        return
    # Plain, for it goes into files and variables; its secret is stored nowhere.
    typer.echo(decode(made, NewToken).token)
    note("this is the only time that it is shown")


@app.command("list")
def list_tokens(*, as_json: Json = False) -> None:
    """List tokens, revoked ones too; never their secrets.

    Example: vsa token list
    """
    items, at = connect().items("/tokens"), now()
    if as_json:
        print_json(whole(items))
        return
    tokens = [decode(item, Token) for item in items]
    rows = [
        (
            token.name,
            token.role,
            minute(token.created_at),
            ago(token.last_used_at, at),
            Text(f"revoked {ago(token.revoked_at, at)}" if token.revoked_at else "", QUIET),
        )
        for token in tokens
    ]
    table(("token", "role", "created", "used", ""), rows)


@app.command("revoke")
def revoke_token(name: Name, *, yes: Unasked = False) -> None:
    """Revoke a token: it is refused from now on.

    Example: vsa token revoke prometheus
    """
    confirm(f"Refuse {name} from now on, this command too if the token is its own?", yes=yes)
    connect().send("DELETE", f"/tokens/{quote(name, safe='')}")
    note(f"{name} is revoked")
