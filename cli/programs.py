"""`vsa api`, `vsa collector`, `vsa exporter`, one program each; and `vsa db upgrade`."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Annotated

import typer

from cli.connection import own_settings
from cli.faults import BadInput, CannotReach
from cli.options import Yes, demand_yes
from cli.output import note
from cli.prune import prune

if TYPE_CHECKING:
    from registry.settings import Settings

db = typer.Typer(no_args_is_help=True)

# More than a program takes to end politely.
_GRACE_SECONDS = 15

Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Log what happens, not only trouble.")
]
# How `vsa up` starts its programs: they end when it does, and know its token.
Supervised = Annotated[bool, typer.Option("--supervised", hidden=True)]


def api(
    *,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="First bring the database to this version.")
    ] = False,
    verbose: Verbose = False,
    supervised: Supervised = False,
) -> None:
    """Run the API alone, until Ctrl-C.

    Example: VSA_DATABASE_URL=postgresql://vsa@db/vsa VSA_API_TOKEN_FILE=/run/token vsa api
    """
    settings = _begin("api", verbose=verbose, supervised=supervised)
    from api.program import StartError
    from api.program import run as serve
    from cli.database import migrate, running_url
    from cli.key_file import with_key
    from cli.listening import check_free
    from cli.local_engine import engine_trouble, engine_url
    from cli.running import run
    from cli.token_file import with_token
    from registry.embedded import find_server

    check_free(settings.api_listen, "VSA_API_LISTEN")
    url = running_url(settings)
    embedded = settings.database_url is None
    if upgrade:
        migrate(settings, find_server(settings.data_dir) if embedded else None)
    if supervised:
        settings = with_key(with_token(settings))
        # What Docker's own settings name, though only where something answers: not everybody has one.
        engine = engine_url(settings)
        found = None if engine_trouble(engine) else engine
        settings = settings.model_copy(update={"docker_host": found})
    try:
        run(serve(settings, url, embedded=embedded))
    except StartError as error:  # caused by another: the database does not answer
        raise (CannotReach if error.__cause__ else BadInput)(str(error)) from None


def collector(*, verbose: Verbose = False, supervised: Supervised = False) -> None:
    """Run a collector alone, until Ctrl-C.

    Any number of them share the work.

    Example: VSA_DATABASE_URL=postgresql://vsa@db/vsa vsa collector
    """
    settings = _begin("collector", verbose=verbose, supervised=supervised)
    from cli.database import faults, running_url
    from cli.key_file import with_key
    from cli.running import run
    from cli.trust import check_trust_bundle
    from collector.program import run as collect

    check_trust_bundle(settings)
    with faults():
        run(collect(with_key(settings) if supervised else settings, running_url(settings)))


def exporter(*, verbose: Verbose = False, supervised: Supervised = False) -> None:
    """Run the exporter alone, until Ctrl-C.

    Example: VSA_DATABASE_URL=postgresql://vsa@db/vsa vsa exporter
    """
    settings = _begin("exporter", verbose=verbose, supervised=supervised)
    from cli.database import faults, running_url
    from cli.listening import check_free
    from cli.running import run
    from exporter.program import run as serve

    check_free(settings.exporter_listen, "VSA_EXPORTER_LISTEN")
    with faults():
        run(serve(settings, running_url(settings)))


@db.command("upgrade")
def upgrade_tables() -> None:
    """Bring the database to this version.

    As the owner of VSA_MIGRATION_DATABASE_URL. Several may do so at once; each program asks for it where it is missing.

    Example: VSA_DATABASE_URL=postgresql://vsa@db/vsa vsa db upgrade
    """
    from cli.database import migrate, start_embedded

    settings = own_settings()
    server = start_embedded(settings)
    try:
        migrate(settings, server)
    finally:
        if server:
            server.stop()
    note("the database is of this version")


@db.command("downgrade")
def downgrade_tables(
    revision: Annotated[str, typer.Argument(metavar="REVISION", help="Such as 0001.")],
    *,
    yes: Yes = False,
) -> None:
    """Take the tables back to an earlier revision.

    What only newer ones can hold is lost. For the way back to a release that does not run on these tables: done by the newer release,
    before the older one starts.

    Example: vsa db downgrade 0001
    """
    from cli.database import faults, owner_database
    from registry.migrate import downgrade
    from registry.revisions import known_revisions

    if revision not in known_revisions():
        raise BadInput(f"REVISION: must be one of {', '.join(known_revisions())}")
    demand_yes(f"Take the tables back to revision {revision}?", yes=yes)
    with faults(), owner_database(own_settings()) as (owner_url, _):
        downgrade(owner_url, revision)
    note(f"the tables are at revision {revision}")


db.command("prune")(prune)


def _begin(program: str, *, verbose: bool, supervised: bool) -> Settings:
    """Read the settings, begin to log, and tie this process to its supervisor."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format=f"%(asctime)s {program} %(levelname)s: %(message)s",
        datefmt="%H:%M:%S",
    )
    if supervised:
        threading.Thread(target=_end_with_supervisor, daemon=True).start()
    return own_settings()


def _end_with_supervisor() -> None:
    """Wait for the end of stdin, which comes however the supervisor ends, and end too."""
    os.read(0, 1)  # not sys.stdin: its lock, held by a thread that waits, aborts the interpreter
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
