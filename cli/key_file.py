"""The key by which the programs of `vsa up` encrypt credentials, where VSA_SECRET_KEY is not set."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from cli.secret_files import keep_secret, new_secret, read_secret
from registry.settings import Settings

_SETTING = "VSA_SECRET_KEY"


def leave_key(settings: Settings) -> None:
    """Make a key once; one that was made stays, for what it encrypted is lost without it."""
    path = _path(settings)
    if settings.secret_key is None and read_secret(path, _SETTING) is None:
        keep_secret(path, new_secret())


def with_key(settings: Settings) -> Settings:
    """Return the settings with the key that `vsa up` made, unless they have one."""
    if settings.secret_key is not None:
        return settings
    key = read_secret(_path(settings), _SETTING)
    return settings.model_copy(update={"secret_key": SecretStr(key) if key else None})


def _path(settings: Settings) -> Path:
    return settings.data_dir / "key"
