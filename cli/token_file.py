"""The token that `vsa up` leaves for the commands of the same user."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import SecretStr

from cli.faults import BadInput
from cli.secret_files import keep_secret, new_secret, read_secret
from registry.settings import Settings


def token_path(settings: Settings) -> Path:
    """Return where `vsa up` leaves its token."""
    return settings.data_dir / "token"


def read_token(settings: Settings) -> str | None:
    """Return the token to send: VSA_API_TOKEN, else what `vsa up` left, else None."""
    if settings.api_token:
        return _sendable(settings.api_token.get_secret_value())
    return read_secret(token_path(settings), "VSA_API_TOKEN")


def _sendable(token: str) -> str:
    if not re.fullmatch(r"[!-~]+", token):
        raise BadInput("VSA_API_TOKEN: must be ASCII without blanks, for it goes into a header")
    return token


def leave_token(settings: Settings) -> str:
    """Leave VSA_API_TOKEN, else the token left before, else a new one; return it."""
    token = read_token(settings) or new_secret()
    keep_secret(token_path(settings), token)
    return token


def with_token(settings: Settings) -> Settings:
    """Return the settings with the token that `vsa up` left, unless they have one."""
    token = read_token(settings)
    return settings.model_copy(update={"api_token": SecretStr(token) if token else None})
