from __future__ import annotations

from pathlib import Path

from exporter.families.fleet import FLEET
from exporter.families.node import NODE
from exporter.reference import render

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_document_is_what_the_families_declare() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == render()


def test_every_family_has_its_row() -> None:
    rows = [line for line in render().splitlines() if line.startswith("| `")]
    assert len(rows) == len(FLEET) + len(NODE)
