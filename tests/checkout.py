"""The checkout that the tests run in, with git or without."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("api", "cli", "collector", "exporter", "migrations", "registry")


def sources(*folders: str) -> set[str]:
    """Return every file below `folders` that is not made by a task, relative to the root."""
    made = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    patterns = [".git", *(line.rstrip("/") for line in made)]
    return {str(path.relative_to(ROOT)) for folder in folders for path in _files(folder, patterns)}


def _files(folder: str, left_out: list[str]) -> Iterator[Path]:
    for place, inner, files in os.walk(ROOT / folder):
        inner[:] = [name for name in inner if not any(fnmatch(name, one) for one in left_out)]
        yield from (
            Path(place, name) for name in files if not any(fnmatch(name, one) for one in left_out)
        )
