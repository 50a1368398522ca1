"""An .env file as Compose reads it: values by name, and lines changed in place so that comments stay."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*)")
_QUOTED = re.compile(r"""(?P<quote>['"])(?P<inside>.*?)(?P=quote)\s*(?:#.*)?""")
_MODE = 0o600


def read(text: str) -> dict[str, str]:
    """Return the values; of a name that stands twice the last, as Compose does."""
    found = (_ASSIGNMENT.fullmatch(line) for line in text.splitlines())
    return {match["name"]: _value(match["value"]) for match in found if match}


def with_values(text: str, values: Mapping[str, str]) -> str:
    """Set `values` where their names stand, or else at the end; every other line stays as it is."""
    lines = text.splitlines()
    places = {
        match["name"]: place
        for place, match in enumerate(map(_ASSIGNMENT.fullmatch, lines))
        if match
    }
    for name, value in values.items():
        line = f"{name}={value}"
        if name in places:
            lines[places[name]] = line
        else:
            lines.append(line)
    return "".join(f"{line}\n" for line in lines)


def write(file: Path, text: str) -> None:
    """Write whole or not at all, for the owner alone; a link stays one, and so does the owner.

    A new file belongs to whom its folder belongs: in a container it is root who writes it.
    """
    file = file.resolve()
    like = (file if file.exists() else file.parent).stat()
    unfinished = file.with_name(f".{file.name}.new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as target:
        if os.geteuid() == 0:
            os.fchown(descriptor, like.st_uid, like.st_gid)
        target.write(text)
        target.flush()
        os.fsync(descriptor)
    unfinished.rename(file)


def _value(written: str) -> str:
    quoted = _QUOTED.fullmatch(written)
    return quoted["inside"] if quoted else re.sub(r"(^|\s+)#.*", "", written).strip()
