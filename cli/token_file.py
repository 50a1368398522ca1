"""The token that `vsa up` leaves for the commands of the same user."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from pydantic import SecretStr

from cli.faults import BadInput
from registry.settings import Settings


def token_path(settings: Settings) -> Path:
    """Return where `vsa up` leaves its token."""
    return settings.data_dir / "token"


def read_token(settings: Settings) -> str | None:
    """Return the token to send: VSA_API_TOKEN, else what `vsa up` left, else None."""
    if settings.api_token:
        return _sendable(settings.api_token.get_secret_value())
    path = token_path(settings)
    try:
        return path.read_text(encoding="ascii").strip() or None
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it holds no token"
        raise BadInput(f"cannot read the token in {path}: {reason}; set VSA_API_TOKEN") from None


def _sendable(token: str) -> str:
    if not re.fullmatch(r"[!-~]+", token):
        raise BadInput("VSA_API_TOKEN: must be ASCII without blanks, for it goes into a header")
    return token


def leave_token(settings: Settings) -> str:
    """Leave VSA_API_TOKEN, else the token left before, else a new one; return it. Its mode is 0600."""
    token = read_token(settings) or secrets.token_urlsafe(32)
    path = token_path(settings)
    unfinished = path.with_suffix(".new")
    # Whole or not at all, and closed to others from its first moment.
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{token}\n")
    unfinished.rename(path)
    return token


def with_token(settings: Settings) -> Settings:
    """Return the settings with the token that `vsa up` left, unless they have one."""
    token = read_token(settings)
    return settings.model_copy(update={"api_token": SecretStr(token) if token else None})
