"""The database of these settings: the one of VSA_DATABASE_URL, else the embedded server's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cli.faults import BadInput, CannotReach, Fault
from cli.output import WARN, note
from registry.backup import BackupError
from registry.clients import ClientError
from registry.embedded import EmbeddedError, EmbeddedServer, find_server, start_server
from registry.migrate import MigrationError, upgrade
from registry.restore_target import RestoreError
from registry.revisions import TooNewError
from registry.session import UNAVAILABLE
from registry.settings import Settings

# SQLSTATE of who waited for a lock for as long as we let anybody.
_LOCKED = "55P03"


def running_url(settings: Settings) -> str:
    """Return the URL as the programs' role; CannotReach when the embedded server does not run."""
    if settings.database_url:
        return settings.database_url.get_secret_value()
    server = find_server(settings.data_dir)
    if server is None:
        raise CannotReach(
            f"no embedded PostgreSQL runs in {settings.data_dir}: `vsa up` starts one; "
            "or set VSA_DATABASE_URL"
        )
    return server.url


def start_embedded(settings: Settings) -> EmbeddedServer | None:
    """Start or find the embedded server; None where VSA_DATABASE_URL stands for it."""
    if settings.database_url:
        return None
    try:
        return start_server(settings.data_dir)
    except EmbeddedError as error:
        raise CannotReach(str(error)) from None


def migrate(settings: Settings, server: EmbeddedServer | None) -> None:
    """Bring the tables to this version; safe with several starting at once."""
    with faults():
        if warning := upgrade(*_urls(settings, server)):
            note(warning, WARN)


@contextmanager
def owner_database(settings: Settings) -> Iterator[tuple[str, str]]:
    """Have the database inside, as its owner and as the programs' role.

    The embedded server is started for it, and stopped unless another uses it.
    """
    server = start_embedded(settings)
    try:
        yield _urls(settings, server)
    finally:
        if server:
            server.stop()


@contextmanager
def faults() -> Iterator[None]:
    """Turn what the registry raises inside into faults for the person."""
    try:
        yield
    except ClientError as error:
        raise (CannotReach if error.is_connection else BadInput)(str(error)) from None
    except (MigrationError, TooNewError, BackupError, RestoreError) as error:
        raise BadInput(str(error)) from None
    except UNAVAILABLE as error:
        raise unreachable(error) from None


def unreachable(error: BaseException) -> Fault:
    """Say in one line that PostgreSQL does not answer, or has no time for us."""
    if getattr(getattr(error, "orig", None), "sqlstate", None) == _LOCKED:
        return CannotReach("the tables are in use, by a long query or a backup; try again later")
    reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    return CannotReach(f"cannot reach PostgreSQL: {reason}; see VSA_DATABASE_URL")


def _urls(settings: Settings, server: EmbeddedServer | None) -> tuple[str, str]:
    if server:
        return server.owner_url, server.url
    assert settings.database_url, "without a server of ours there is a URL"
    url = settings.database_url.get_secret_value()
    owner = settings.migration_database_url
    return (owner.get_secret_value() if owner else url), url
