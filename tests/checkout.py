"""The checkout that the tests run in."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.parts.require import require_program

ROOT = Path(__file__).parents[1]
ROOMS = ("api", "cli", "collector", "exporter", "migrations", "registry")


def tracked(*folders: str) -> set[str]:
    """Return every file of the project below `folders` (none: of all), relative to its root."""
    git = str(require_program("git", "git"))
    # Whoever runs the tests need not own the files.
    command = [git, "-c", "safe.directory=*", "ls-files", *folders]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}
