from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.checkout import ROOT
from tests.parts.image import BASE


def test_hadolint_is_content() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    command = [str(hadolint), "--failure-threshold=style", f"{ROOT}/compose/Dockerfile"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (0, "")


def test_its_packages_are_those_of_every_installation() -> None:
    everywhere = pins(ROOT / "requirements.lock")
    image = pins(ROOT / "compose/requirements.lock")
    assert image.items() <= everywhere.items()
    assert not [name for name in everywhere if "pgserver" in name and name in image]


def pins(lock: Path) -> dict[str, str]:
    """Each package of a lock with its version."""
    text = lock.read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9.-]+)==([^ ;\\]+)", text, re.MULTILINE))


def test_the_stand_in_has_the_name_of_the_base() -> None:
    assert f"ARG BASE={BASE}\n" in (ROOT / "compose/Dockerfile").read_text(encoding="utf-8")
