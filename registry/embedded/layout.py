"""Where the embedded server keeps its things below the data folder."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

_SOCKET = ".s.PGSQL.5432"
# sun_path holds 108 bytes, one of them the closing zero.
_SOCKET_PATH_BYTES = 107
# A comma parts folders in PostgreSQL's and libpq's lists; other signs need quoting in one or the other.
_PLAIN = re.compile(r"[A-Za-z0-9_./+-]+")


class EmbeddedError(Exception):
    """The embedded server cannot be had; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths below `root`, the data folder (absolute, links resolved)."""

    root: Path

    @property
    def data(self) -> Path:
        """The database cluster, 0700, of the account that runs the server."""
        return self.root / "postgresql"

    @property
    def config(self) -> Path:
        """Who may connect: files that the server reads and its account cannot change."""
        return self.root / "config"

    @property
    def hba(self) -> Path:
        """Which roles may connect, and how they prove it."""
        return self.config / "pg_hba.conf"

    @property
    def ident(self) -> Path:
        """Which system user is which role."""
        return self.config / "pg_ident.conf"

    @property
    def log(self) -> Path:
        """What the server says; `.old` holds what it said before."""
        return self.root / "postgresql.log"

    @property
    def sockets(self) -> Path:
        """The folder of the socket, 0700; a short one elsewhere when ours makes too long a path."""
        folder = self.root / "run"
        longest = len(os.fsencode(folder / _SOCKET))
        if longest <= _SOCKET_PATH_BYTES and _PLAIN.fullmatch(str(folder)):
            return folder
        parent = "/run" if os.geteuid() == 0 else "/tmp"  # noqa: S108 - its ownership is checked
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:12]
        return Path(parent) / f"vsa-{os.geteuid()}-{digest}"

    def url(self, role: str, database: str) -> str:
        """Return the URL of `database` as `role`; it holds no password, for there is none."""
        return f"postgresql://{role}@/{database}?host={quote(str(self.sockets))}"
