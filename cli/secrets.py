"""`vsa secrets`: makes the secrets of the stack, and says which are missing or no good."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from cli import dotenv
from cli.answers import Rotation, decode
from cli.connection import connect
from cli.faults import BadInput
from cli.options import Json
from cli.output import note, print_json
from cli.secret_rules import (
    DOCKER_GID,
    DOMAIN,
    OPTIONAL,
    SECRETS,
    domain_fault,
    faults,
    gid_fault,
    is_unset,
    new_secret,
)
from cli.words import count

_INIT = (
    "docker compose run --rm secrets init --domain YOUR.DOMAIN"
    ' --docker-gid "$(stat -c %g /var/run/docker.sock)"'
)
_EXAMPLE = ".env.example"

app = typer.Typer(no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="The stack's .env.")]
Domain = Annotated[str, typer.Option("--domain", help="The dashboard's DNS name.")]
Gid = Annotated[str, typer.Option("--docker-gid", help="The group that may open Docker's socket.")]


@app.command("init")
def init(file: File = Path(".env"), *, domain: Domain = "", docker_gid: Gid = "") -> None:
    """Make the secrets that FILE lacks, readable for its owner alone.

    A FILE that is not there begins as a copy of the .env.example beside it. What is set is never
    touched: to have a secret made anew, empty its line first.

    Example: vsa secrets init --domain dash.example.com --docker-gid 998
    """
    _demand("--domain", domain, domain_fault(domain))
    _demand("--docker-gid", docker_gid, gid_fault(docker_gid))
    try:
        text = _beginning(file)
        made = _made(dotenv.read(text), {DOMAIN: domain, DOCKER_GID: docker_gid})
        dotenv.write(file, dotenv.with_values(text, made))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}") from None
    note(f"{file}: set {', '.join(made)}" if made else f"{file}: nothing was missing")


@app.command("check")
def check(file: File = Path(".env")) -> None:
    """Say what is wrong with the stack's own settings.

    Each that is missing, a placeholder or no good; exit code 2 if any is.

    Example: env | vsa secrets check /dev/stdin
    """
    if found := faults(_values(file)):
        raise BadInput(
            "\n".join(
                [
                    "the stack does not start with these settings:",
                    *(f"  {fault}" for fault in found),
                    f"What is missing is made by: {_INIT}",
                    "It leaves alone what is set: empty the line of a bad secret first.",
                ]
            )
        )
    note("every secret is set")


@app.command("rotate")
def rotate(*, as_json: Json = False) -> None:
    """Encrypt stored credentials with a new VSA_SECRET_KEY.

    First put the old key into VSA_OLD_SECRET_KEYS and a new one into VSA_SECRET_KEY, and start API
    and collectors anew; afterwards the old one can go.

    Example: vsa secrets rotate
    """
    answer = connect().send("POST", "/credential-rotations")
    if as_json:
        print_json(answer)
    else:
        note(f"{count(decode(answer, Rotation).rotated, 'credential')} encrypted anew")


def _demand(option: str, value: str, fault: str) -> None:
    if value and fault:
        raise BadInput(f"{option}: {fault}")


def _beginning(file: Path) -> str:
    """Return what the file holds; of a new one, the example beside it, or nothing."""
    example = file.with_name(_EXAMPLE)
    for source in (file, example):
        if source.exists():
            return source.read_text(encoding="utf-8")
    return ""


def _made(values: Mapping[str, str], given: dict[str, str]) -> dict[str, str]:
    """Return what is to be set: the secrets still unset, and what was given where nothing stands."""
    left_alone = {name for name in OPTIONAL if values and name not in values}
    wanted = given | {name: new_secret() for name in SECRETS if name not in left_alone}
    return {name: new for name, new in wanted.items() if new and is_unset(values.get(name))}


def _values(file: Path) -> Mapping[str, str]:
    try:
        return dotenv.read(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}") from None
