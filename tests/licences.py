"""`docs/licences.md`, made from the lock and the installed packages: `make licences`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_PIN = re.compile(r"^([a-z0-9.-]+)==([^ ;\\]+)(?: ; ([^\\]+))?", re.MULTILINE)
# How packages name a licence that has a name of SPDX; the classifiers and words seen in the lock.
_SPDX = {
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "ISC License": "ISC",
    "MIT License": "MIT",
}
_HEAD = """# Licences

Made from `requirements.lock` by `make licences`; a test holds the two equal. VSA Dashboard itself is under the
[Apache License 2.0](../LICENSE). These packages run with it, each unchanged and as its authors publish it.

- The licences that ask something of whoever passes the package on are EPL-2.0 and MPL-2.0 (asyncssh, certifi: changed files
  stay under them) and LGPL-3.0 (psycopg: it must stay replaceable, which a Python package is). None reaches the code that
  uses them.
- The wheel of the embedded PostgreSQL carries GNU readline (GPL-3.0) for its `psql`, which is never started here. The
  image is made without that wheel; its base and its PostgreSQL client are Debian's, whose licences lie in the image under
  `/usr/share/doc/*/copyright`.

| package | version | licence | in the image |
| --- | --- | --- | --- |
"""


@dataclass(frozen=True, slots=True)
class Package:
    """A locked package that is needed on Linux."""

    name: str
    version: str
    licence: str
    in_image: bool


class LicenceError(ValueError):
    """A package that the lock names is not installed as locked, or does not say its licence."""


def packages() -> list[Package]:
    """Return every package that runs on Linux, by name."""
    image = dict(_pins(_ROOT / "compose/requirements.lock"))
    return [
        Package(name, version, _licence(name, version), name in image)
        for name, version in _pins(_ROOT / "requirements.lock")
    ]


def document() -> str:
    """Return the whole page."""
    rows = (
        f"| {one.name} | {one.version} | {one.licence} | {'yes' if one.in_image else 'no'} |"
        for one in packages()
    )
    return _HEAD + "\n".join(rows) + "\n"


def _pins(lock: Path) -> Iterator[tuple[str, str]]:
    for name, version, marker in _PIN.findall(lock.read_text(encoding="utf-8")):
        if "win32" not in marker:
            yield name, version


def _licence(name: str, version: str) -> str:
    """Return a package's licence as an SPDX expression, from the place where it says it best."""
    try:
        about = metadata(name)
    except PackageNotFoundError:
        raise LicenceError(f"{name} is locked and not installed") from None
    if about["Version"] != version:
        raise LicenceError(f"{name} is locked as {version}, installed is {about['Version']}")
    for field in ("License-Expression", "License", "Classifier"):
        for said in about.get_all(field) or ():
            if field != "Classifier" or said.startswith("License :: "):
                found = str(said).rpartition(" :: ")[2]
                return _SPDX.get(found, found)
    raise LicenceError(f"{name} does not say its licence")


if __name__ == "__main__":
    sys.stdout.write(document())
