"""`vsa alert`: who hears of what goes wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cli.connection import own_settings
from cli.faults import BadInput
from cli.output import WARN, note

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
