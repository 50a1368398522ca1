from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.claim import claim
from cli.faults import BadInput


def test_a_folder_is_claimed_once_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "data"
    with claim(folder), pytest.raises(BadInput, match=f"as process {os.getpid()};"), claim(folder):
        pass
    with claim(folder):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_it_is_known_whether_the_one_before_was_killed(tmp_path: Path) -> None:
    with claim(tmp_path) as after_kill:
        assert not after_kill
    with claim(tmp_path) as after_kill:
        assert not after_kill
    (tmp_path / "up.lock").write_text("4711")
    with claim(tmp_path) as after_kill:
        assert after_kill


def test_a_folder_that_cannot_be_had_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="set VSA_DATA_DIR"), claim(tmp_path / "file"):
        pass
