"""`vsa htpasswd`: who may sign in at the reverse proxy."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getpass
from pathlib import Path
from typing import Annotated

import typer

from cli.faults import BadInput
from cli.options import checked
from cli.output import note
from registry import rules

# NGINX computes the hash anew for each request, and nothing else meanwhile: 14 ms at 8, 213 at 12 (ADR 0010).
_COST = 8
_SHORTEST = 12
_MOST_BYTES = 72  # bcrypt ignores what follows
_MODE = 0o640

Name = Annotated[str, typer.Argument(metavar="NAME", help="Who signs in: the actor basic:NAME.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="The password file.")]
Delete = Annotated[bool, typer.Option("--delete", help="Take the name out instead.")]


def htpasswd(name: Name, file: File = Path("htpasswd"), *, delete: Delete = False) -> None:
    """Set the password of a person in NGINX's password file.

    It is asked for twice, or read from stdin. It holds from the next request on.

    Example: vsa htpasswd alice /srv/flowbiz/dashboard/env/auth/htpasswd
    """
    checked("name", rules.person_name, name)
    line = None if delete else f"{name}:{_hashed(_read_password())}"
    try:
        with _held(file.parent):
            _replace_line(file.resolve(), name, line)
    except OSError as error:
        raise BadInput(f"{error.filename or file}: {error.strerror}") from None
    note(f"{name} is out" if delete else f"{name} may sign in")


def _read_password() -> str:
    if not sys.stdin.isatty():
        return _proper(sys.stdin.readline().rstrip("\r\n"))
    password = _proper(getpass("Password: "))
    if getpass("Once more: ") != password:
        raise BadInput("password: the two differ")
    return password


def _proper(password: str) -> str:
    if len(password) < _SHORTEST:
        raise BadInput(f"password: must have at least {_SHORTEST} characters")
    if len(password.encode(errors="replace")) > _MOST_BYTES or not password.isprintable():
        raise BadInput(f"password: must have at most {_MOST_BYTES} bytes, none of them a control")
    return password


def _hashed(password: str) -> str:
    import bcrypt

    made = bcrypt.hashpw(password.encode(), bcrypt.gensalt(_COST)).decode()
    return made.replace("$2b$", "$2y$")  # the same, under the name that every crypt() knows


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Let one at a time change the files of a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace_line(file: Path, name: str, line: str | None) -> None:
    """Put `line` in place of the name's, None to drop it; other lines stay as they are."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    places = [place for place, other in enumerate(lines) if other.startswith(f"{name}:")]
    if line is None and not places:
        raise BadInput(f"name: {name} is not in {file}")
    kept = [other for place, other in enumerate(lines) if place not in places]
    if line is not None:
        kept.insert(places[0] if places else len(kept), line)
    _write(file, "".join(f"{line}\n" for line in kept))


def _write(file: Path, text: str) -> None:
    """Write whole or not at all; the owner stays, of a new file it is the folder's, for NGINX is."""
    like = file if file.exists() else file.parent
    mode = file.stat().st_mode & 0o777 if file.exists() else _MODE
    unfinished = file.with_name(f".{file.name}.new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as target:
        target.write(text)
        if os.geteuid() == 0 or like == file:
            os.fchown(descriptor, like.stat().st_uid, like.stat().st_gid)
        os.fchmod(descriptor, mode)
        target.flush()
        os.fsync(descriptor)
    unfinished.rename(file)
