"""`vsa health`: whether a program of this machine or container does its work; for health checks."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from cli.connection import own_settings
from cli.faults import NOT_WELL, CannotReach
from cli.options import Json
from cli.output import BAD, GOOD, print_json, say

if TYPE_CHECKING:
    from registry.setting_kinds import Address
    from registry.settings import Settings

# Below what health checks are given: they would kill the question and lose the reason.
_PATIENCE_SECONDS = 5.0
_MOST_BYTES = 4096


class Program(StrEnum):
    """Who is asked."""

    API = "api"
    COLLECTOR = "collector"
    EXPORTER = "exporter"


def health(
    program: Annotated[Program, typer.Argument(help="Who is asked.", show_default=False)],
    *,
    as_json: Json = False,
) -> None:
    """Say whether a program does its work.

    One of this machine or container. The API and the exporter are asked where these settings let them listen; a collector by its
    heartbeat in the database. Answers within 5 seconds; exit code 1, and why, when it does not.

    Example: vsa health api
    """
    settings = own_settings()
    answer = partial(_tell, program, as_json=as_json)
    _end_in_time(partial(answer, "no answer in time"))
    try:
        trouble = _QUESTIONS[program](settings)
    except CannotReach as fault:
        trouble = str(fault)
    answer(trouble)
    raise typer.Exit(NOT_WELL if trouble else 0)


def _tell(program: Program, trouble: str, *, as_json: bool) -> None:
    if as_json:
        import msgspec

        told = {"program": program, "healthy": not trouble, "reason": trouble or None}
        print_json(msgspec.json.encode(told))
    else:
        say(Text(trouble, BAD) if trouble else Text("healthy", GOOD))


def _end_in_time(late: Callable[[], None]) -> None:
    """Tell it and exit when time is up, whatever hangs: a name server, a thread, a database."""

    def end(*_: object) -> None:
        late()
        sys.stdout.flush()
        os._exit(NOT_WELL)

    signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, _PATIENCE_SECONDS)


# ---------------------------------------------------------------------------- what is asked


def _ask_api(settings: Settings) -> str:
    return _ask(settings.api_listen, "/api/readyz")


def _ask_exporter(settings: Settings) -> str:
    return _ask(settings.exporter_listen, "/readyz")


def _ask(listens: Address, path: str) -> str:
    """Return why the program that listens there is not ready; nothing when it is."""
    from cli.listening import reachable

    address = reachable(listens)
    connection = HTTPConnection(address.host, address.port, timeout=_PATIENCE_SECONDS)
    try:
        connection.request("GET", path)
        return _read(connection.getresponse())
    except TimeoutError:
        return f"{address} does not answer in time"
    except (OSError, HTTPException) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        return f"{address} does not answer: {reason}"
    finally:
        connection.close()


def _read(answer: HTTPResponse) -> str:
    if answer.status == HTTPStatus.OK:
        return ""
    import msgspec

    from cli.answers import Problem

    body = answer.read(_MOST_BYTES)
    try:
        return msgspec.json.decode(body, type=Problem).detail
    except msgspec.MsgspecError:
        return f"HTTP {answer.status}: " + body.decode(errors="replace").partition("\n")[0]


def _ask_collector(settings: Settings) -> str:
    from cli.heartbeat import missing_heartbeat

    return asyncio.run(missing_heartbeat(_database_url(settings)))


def _database_url(settings: Settings) -> str:
    if (
        settings.database_url
    ):  # without what migrates: a third of the CPU time of a frequent question
        return settings.database_url.get_secret_value()
    from cli.database import running_url

    return running_url(settings)


_QUESTIONS: dict[Program, Callable[[Settings], str]] = {
    Program.API: _ask_api,
    Program.EXPORTER: _ask_exporter,
    Program.COLLECTOR: _ask_collector,
}
