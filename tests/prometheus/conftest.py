"""What ships in `prometheus/`, made ready for the Prometheus that is here."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.parts.prometheus import for_this_version

SHIPPED = Path(__file__).parents[2] / "prometheus"
TOKEN_FILE = "/run/secrets/vsa_api_token"


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A folder with the shipped configuration and rules, and a token to read."""
    shutil.copytree(SHIPPED / "rules", tmp_path / "rules")
    (tmp_path / "token").write_text("secret", encoding="utf-8")
    config = (SHIPPED / "prometheus.yml").read_text(encoding="utf-8")
    config = for_this_version(config.replace(TOKEN_FILE, str(tmp_path / "token")))
    (tmp_path / "prometheus.yml").write_text(config, encoding="utf-8")
    return tmp_path
