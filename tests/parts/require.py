"""A missing real part skips the test with its name; under VSA_REQUIRE_REAL=1 it fails it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

# Debian keeps its servers' programs out of PATH.
_PLACES = ("/usr/sbin", "/usr/lib/postgresql/15/bin")


def missing(part: str) -> NoReturn:
    """Skip the test because `part` is not here, or fail it where every part is demanded."""
    if os.environ.get("VSA_REQUIRE_REAL") == "1":
        pytest.fail(f"VSA_REQUIRE_REAL=1, but this is missing: {part}")
    pytest.skip(f"needs {part}")


def require_program(name: str, package: str) -> Path:
    """Return the path of a program; `package` is the Debian package that has it."""
    search = os.pathsep.join((os.environ.get("PATH", ""), *_PLACES))
    path = shutil.which(name, path=search)
    return Path(path) if path else missing(f"{name} (Debian package {package})")


def require_root(purpose: str) -> None:
    """Go on as root only; `purpose` says what needs it."""
    if os.geteuid() != 0:
        missing(f"root, to {purpose}")
