"""Options that several commands share, and what is read from them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from cli.faults import BadInput
from cli.words import now
from registry.durations import parse_duration
from registry.facts.domains import StartTls

Json = Annotated[bool, typer.Option("--json", help="Print the API's JSON and nothing else.")]
Labels = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="KEY=VALUE", help="A label; may be given several times."),
]
Unlabel = Annotated[
    list[str] | None, typer.Option("--unlabel", metavar="KEY", help="A label to take away.")
]
Interval = Annotated[
    str | None, typer.Option(metavar="DURATION", help="How often to ask it, such as 30s or 6h.")
]
Timeout = Annotated[
    str | None, typer.Option(metavar="DURATION", help="How long it may take, such as 5s.")
]
Enabled = Annotated[
    bool | None, typer.Option("--enable/--disable", help="Ask it, or leave it alone.")
]

Since = Annotated[
    str | None, typer.Option(metavar="TIME", help="From then: RFC 3339, or 24h for so long ago.")
]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Before then.")]

Yes = Annotated[bool, typer.Option("--yes", help="Ask nothing.")]
Unasked = Annotated[
    bool, typer.Option("--yes", help="Ask nothing; without a terminal nothing is asked anyway.")
]

StartTlsOption = Annotated[
    StartTls, typer.Option("--starttls", help="What is spoken before TLS begins.")
]
ServerName = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Ask for this name (SNI) and expect it in the certificate."),
]

ValueT = TypeVar("ValueT")

# Brings back what the settings say.
_DEFAULT = "default"
_NAME_AND_PORT = re.compile(r"(\[.*\]|[^:]*)(?::([^:]*))?")


def demand_yes(question: str, *, yes: bool, option: str = "--yes") -> None:
    """Return when the person agrees, or has agreed with the option; BadInput else."""
    if not yes and not sys.stdin.isatty():
        raise BadInput(f"this needs {option} where nobody can be asked")
    confirm(question, yes=yes)


def confirm(question: str, *, yes: bool) -> None:
    """Return when the person agrees, or is none: a script means what it runs. BadInput else."""
    if not yes and sys.stdin.isatty() and not typer.confirm(question, err=True):
        raise BadInput("nothing was changed")


def given(**fields: object) -> dict[str, object]:
    """Return the fields that were given; `default` stands for null."""
    return {
        name: None if value == _DEFAULT else value
        for name, value in fields.items()
        if value is not None
    }


def moment(text: str | None) -> str | None:
    """Return a time as the API takes it; a duration is so long ago."""
    if text is None:
        return None
    try:
        past = timedelta(seconds=parse_duration(text))
    except ValueError:
        return text
    return (now() - past).isoformat()


def checked(field: str, check: Callable[[str], ValueT], text: str) -> ValueT:
    """Return what `check` makes of `text`; BadInput names the field where it refuses."""
    try:
        return check(text)
    except ValueError as error:
        raise BadInput(f"{field}: {error}") from None


def read_labels(given: list[str] | None, removed: list[str] | None = None) -> dict[str, str | None]:
    """Return labels by key; None for each that is to go."""
    labels: dict[str, str | None] = dict.fromkeys(removed or ())
    for label in given or ():
        key, sign, value = label.partition("=")
        if not sign:
            raise BadInput(f"--label: must be KEY=VALUE, not {label!r}")
        labels[key] = value
    return labels


def read_file(what: str, path: Path) -> bytes:
    """Return what a file holds; BadInput names the option or argument that led to it."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{what}: cannot read {path}: {error.strerror}") from None


def split_port(text: str, otherwise: int) -> tuple[str, int]:
    """Split NAME[:PORT]; an IPv6 address stands in brackets when a port follows."""
    if "/" in text:
        raise BadInput(f"name: must be NAME or NAME:PORT, without https:// and path, not {text!r}")
    match = _NAME_AND_PORT.fullmatch(text)
    if match is None:  # an IPv6 address alone
        return text, otherwise
    name, port = match.groups()
    if port is not None and not (port.isdecimal() and 1 <= int(port) <= 65535):
        raise BadInput(f"port: must be from 1 to 65535, in {text!r}")
    return name.strip("[]"), int(port) if port else otherwise
