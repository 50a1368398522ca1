"""Secrets that `vsa up` keeps in its data folder: closed to others from their first moment."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cli.faults import BadInput


def read_secret(path: Path, setting: str) -> str | None:
    """Return what was kept there, None where nothing was; `setting` is what can replace it."""
    try:
        return path.read_text(encoding="ascii").strip() or None
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it holds none"
        raise BadInput(f"cannot read the {path.name} in {path}: {reason}; set {setting}") from None


def new_secret() -> str:
    """Make a secret that nobody guesses, of letters that fit everywhere."""
    return secrets.token_urlsafe(32)


def keep_secret(path: Path, secret: str) -> None:
    """Keep a secret, whole or not at all; its mode is 0600."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{secret}\n")
    unfinished.rename(path)
