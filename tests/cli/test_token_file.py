from __future__ import annotations

from pathlib import Path

import pytest

from cli.faults import BadInput
from cli.token_file import leave_token, read_token, with_token
from registry.settings import Settings, read_settings


def settings_of(folder: Path, **more: str) -> Settings:
    return read_settings({"VSA_DATA_DIR": str(folder), **more})


def test_a_token_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    assert read_token(settings) is None
    token = leave_token(settings)
    assert leave_token(settings) == read_token(settings) == token
    assert len(token) >= 32
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600


def test_the_setting_s_token_is_the_one_that_is_left(tmp_path: Path) -> None:
    leave_token(settings_of(tmp_path))
    leave_token(settings_of(tmp_path, VSA_API_TOKEN="a-token-of-my-own"))
    assert read_token(settings_of(tmp_path)) == "a-token-of-my-own"


def test_the_api_of_vsa_up_knows_the_token_that_was_left(tmp_path: Path) -> None:
    token = leave_token(settings_of(tmp_path))
    known = with_token(settings_of(tmp_path)).api_token
    assert known
    assert known.get_secret_value() == token


def test_a_token_that_cannot_be_read_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xff")
    with pytest.raises(BadInput, match="cannot read the token"):
        read_token(settings_of(tmp_path))


def test_a_token_that_no_header_can_hold_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="VSA_API_TOKEN: must be ASCII"):
        read_token(settings_of(tmp_path, VSA_API_TOKEN="schlüssel mit leerzeichen"))
