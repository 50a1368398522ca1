"""`vsa alert`: who hears of what goes wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.text import Text

from cli.connection import own_settings
from cli.faults import NOT_WELL, BadInput
from cli.options import Json
from cli.output import BAD, GOOD, WARN, note, print_json, say, table

if TYPE_CHECKING:
    from cli.alert_trial import Trial
    from cli.alertmanager import Alertmanager

app = typer.Typer(no_args_is_help=True)

_NOBODY = "alerts reach nobody: set VSA_ALERT_WEBHOOK_URL, or VSA_ALERT_EMAIL_TO and its neighbours"

Output = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write there, mode 0600, whole or not at all."),
]


@app.command("config")
def print_config(*, output: Output = None) -> None:
    """Print Alertmanager's configuration, made from the settings.

    It holds the webhook's URL and the mail password. A file that root writes gets the owner of its
    folder: the one that Alertmanager runs as.

    Example: vsa alert config --output /etc/alertmanager/alertmanager.yml
    """
    from cli.alert_config import alertmanager_config
    from cli.alert_receivers import read_receivers

    settings = own_settings()
    receivers = read_receivers(settings)
    text = alertmanager_config(receivers, settings.dashboard_domain)
    if output:
        _write(output, text)
    else:
        typer.echo(text, nl=False)
    if not receivers.places:
        note(_NOBODY, WARN)


@app.command("test")
def send_test(*, as_json: Json = False) -> None:
    """Send one alert all the way, and say who took it.

    It is over at once, so two messages arrive. Proves that Alertmanager routes it and that the
    webhook or the mail server takes it. Exit code 1 when somebody does not, or nobody gets alerts.

    Example: vsa alert test
    """
    from cli.alert_trial import try_out
    from cli.alertmanager import Alertmanager

    server = Alertmanager(own_settings())
    trial = try_out(server, note)
    if as_json:
        print_json(msgspec.json.encode(_document(server, trial)))
    else:
        _show(trial)
    raise typer.Exit(0 if trial.succeeded else NOT_WELL)


def _document(server: Alertmanager, trial: Trial) -> dict[str, object]:
    return {
        "alertmanager": server.url,
        "receiver": trial.receiver,
        "silenced": trial.is_silenced,
        "integrations": dict(trial.fates),
        "delivered": trial.succeeded,
    }


def _show(trial: Trial) -> None:
    from cli.alert_receivers import NOBODY
    from cli.alert_trial import Fate

    colours = {Fate.TAKEN: GOOD, Fate.REFUSED: BAD, Fate.WAITING: WARN}
    table(("by", "fate"), [(name, Text(fate, colours[fate])) for name, fate in trial.fates.items()])
    if trial.receiver == NOBODY:
        say(Text(_NOBODY, BAD))
    elif trial.is_silenced:
        say(Text("A silence holds it back: `amtool silence query` lists them", WARN))
    elif trial.succeeded:
        say(Text("Handed over; another message says that it is over", GOOD))
    else:
        say(Text("Not handed over: Alertmanager's log says why", BAD))


def _write(file: Path, text: str) -> None:
    unfinished = file.with_name(f".{file.name}.new")
    try:
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as target:
            target.write(text)
            target.flush()
            if os.geteuid() == 0:
                folder = file.parent.stat()
                os.fchown(descriptor, folder.st_uid, folder.st_gid)
            os.fsync(descriptor)
        unfinished.rename(file)
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}") from None
