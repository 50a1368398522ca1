from __future__ import annotations

from pathlib import Path

import pytest

from tests.parts.prometheus import for_this_version, promtool, version
from tests.prometheus.conftest import SHIPPED


def test_promtool_is_content_with_the_shipped_configuration(shipped: Path) -> None:
    judgement = promtool("check", "config", shipped / "prometheus.yml")
    assert judgement.passed, judgement.text
    assert "SUCCESS: 5 rule files found" in judgement.text


def test_what_ships_ends_the_series_of_a_container_that_is_gone() -> None:
    config = (SHIPPED / "prometheus.yml").read_text(encoding="utf-8")
    assert "track_timestamps_staleness: true" in config
    assert "honor_timestamps: true" in config


def test_an_option_unknown_here_is_left_out_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    config = for_this_version("a: 1\n  # about it\n  track_timestamps_staleness: true\nb: 2\n")
    known = version() >= (2, 48)
    assert ("track_timestamps_staleness" in config) is known
    assert ("track_timestamps_staleness" in capsys.readouterr().out) is not known
    assert config.endswith("b: 2\n")
