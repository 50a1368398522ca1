"""The `vsa` command: its commands, and how each ends."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from typer.core import TyperGroup

from cli import (
    alert,
    audit,
    authorities,
    credentials,
    domains,
    known_certificates,
    nodes,
    programs,
    secrets,
    tokens,
)
from cli.backup import backup
from cli.faults import Fault
from cli.health import health
from cli.htpasswd import htpasswd
from cli.output import BAD, note, say
from cli.probe import probe
from cli.restore import restore
from cli.status import status
from cli.up import up
from registry.version import __version__

_COMMANDS = (
    "up",
    "status",
    "node",
    "credential",
    "domain",
    "certificate",
    "authority",
    "probe",
    "token",
    "audit",
    "alert",
    "backup",
    "restore",
)
_PROGRAMS = ("api", "collector", "exporter", "db", "health", "htpasswd", "secrets")


class _InOrder(TyperGroup):
    """Lists what a person does first, then the programs one by one."""

    def list_commands(self, _: object) -> list[str]:
        return [*_COMMANDS, *_PROGRAMS]


app = typer.Typer(
    cls=_InOrder,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # its boxes take more time and room than what they hold
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    help="Watch Docker hosts and TLS certificates without installing anything on them.",
    epilog="Exit codes: 0 well, 1 not well, 2 bad input, 3 cannot reach.",
)

for command in (up, status, probe, backup, restore, health, htpasswd):
    app.command()(command)
for program in (programs.api, programs.collector, programs.exporter):
    app.command()(program)
app.add_typer(nodes.app, name="node", help="Docker hosts that are watched.")
app.add_typer(
    credentials.app, name="credential", help="What engines on other machines want to see of us."
)
app.add_typer(domains.app, name="domain", help="Names whose certificates are watched.")
app.add_typer(
    known_certificates.app, name="certificate", help="Certificates, served or known otherwise."
)
app.add_typer(authorities.app, name="authority", help="Roots of private PKIs that are trusted.")
app.add_typer(tokens.app, name="token", help="Who may use the API.")
app.add_typer(audit.app, name="audit", help="Who changed what.")
app.add_typer(alert.app, name="alert", help="Who hears of what goes wrong.")
app.add_typer(secrets.app, name="secrets", help="The secrets of the stack.")
app.add_typer(programs.db, name="db", help="The tables of the database.")


def _print_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it with the one value
    if asked:
        say(__version__)
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    """Take what stands before the command."""


def main() -> None:
    """Run the command line; expected trouble is one line on stderr and an exit code."""
    try:
        sys.exit(app(prog_name="vsa", standalone_mode=False))
    except typer.TyperException as error:  # an argument or option that is not one
        _end_with_usage(error.format_message(), error.exit_code)
    except Fault as error:
        _end(str(error), error.exit_code)


def _end_with_usage(message: str, code: int) -> None:
    if message.startswith("Usage: "):  # no command was given: the help is the answer
        for line in message.splitlines():
            note(line)
        sys.exit(code)
    _end(" ".join(message.replace("Value error, ", "").split()), code)


def _end(message: str, code: int) -> None:
    for line in message.splitlines():
        note(f"vsa: {line}", BAD)
    sys.exit(code)


if __name__ == "__main__":
    main()
