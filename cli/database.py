"""The database of these settings: the one of VSA_DATABASE_URL, else the embedded server's."""

from __future__ import annotations

from cli.faults import BadInput, CannotReach, Fault
from registry.embedded import EmbeddedError, EmbeddedServer, find_server, start_server
from registry.migrate import MigrationError, upgrade
from registry.session import UNAVAILABLE
from registry.settings import Settings


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
    owner_url, url = _urls(settings, server)
    try:
        upgrade(owner_url, url)
    except MigrationError as error:
        raise BadInput(str(error)) from None
    except UNAVAILABLE as error:
        raise unreachable(error) from None


def unreachable(error: BaseException) -> Fault:
    """Say in one line that PostgreSQL does not answer."""
    reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    return CannotReach(f"cannot reach PostgreSQL: {reason}; see VSA_DATABASE_URL")


def _urls(settings: Settings, server: EmbeddedServer | None) -> tuple[str, str]:
    if server:
        return server.owner_url, server.url
    assert settings.database_url, "without a server of ours there is a URL"
    url = settings.database_url.get_secret_value()
    owner = settings.migration_database_url
    return (owner.get_secret_value() if owner else url), url
