"""The system account that runs the server: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from registry.embedded.layout import EmbeddedError

_NAME = "vsa"
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Account:
    """A system account; `drops` when this process is root and must step down to it."""

    name: str
    uid: int
    gid: int
    drops: bool

    def run(self, command: Sequence[str | Path], folder: Path, output: int, seconds: float) -> bool:
        """Run `command` as this account in `folder`, its output to a descriptor; say whether it did.

        In a session of its own: Ctrl-C at the terminal must not reach the server before us. In a bare
        environment: the user's PG* variables are not meant for this server.
        """
        done = subprocess.run(  # noqa: S603 - our own programs
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            env=_ENVIRONMENT,
            start_new_session=True,
            umask=0o077,
            user=self.uid if self.drops else None,
            group=self.gid if self.drops else None,
            extra_groups=[] if self.drops else None,
            timeout=seconds,
            check=False,
        )
        return done.returncode == 0


def server_account() -> Account:
    """Return who runs the server: ourselves, or as root the user `vsa`, made when missing."""
    uid = os.geteuid()
    if uid == 0:
        return _unprivileged()
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise EmbeddedError(
            f"user id {uid} has no name in /etc/passwd, which PostgreSQL needs"
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, drops=False)


def _unprivileged() -> Account:
    try:
        entry = pwd.getpwnam(_NAME)
    except KeyError:
        _create_user()
        entry = pwd.getpwnam(_NAME)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, drops=True)


def _create_user() -> None:
    command = ["/usr/sbin/useradd", "--system", "--user-group", "--no-create-home"]
    command += ["--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", _NAME]
    try:
        result = subprocess.run(  # noqa: S603 - nothing of it comes from outside
            command, capture_output=True, text=True, timeout=30, check=False
        )
    except OSError as error:
        raise EmbeddedError(f"cannot make the system user {_NAME}: {error}") from None
    # Exit code 9: another starter made it a moment ago.
    if result.returncode not in {0, 9}:
        raise EmbeddedError(f"cannot make the system user {_NAME}: {result.stderr.strip()}")


def closed_folder(path: Path, account: Account) -> Path | None:
    """Return the first folder on the way to `path`, itself included, that `account` may not enter.

    Asked as root alone: root's own view tells nothing of the account's.
    """
    if not account.drops:
        return None
    for folder in reversed([path, *path.parents]):
        status = folder.stat()
        shift = 6 if status.st_uid == account.uid else 3 if status.st_gid == account.gid else 0
        if not status.st_mode >> shift & 1:
            return folder
    return None
