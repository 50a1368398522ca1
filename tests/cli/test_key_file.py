from __future__ import annotations

from pathlib import Path

from cli.key_file import leave_key, with_key
from registry.settings import read_settings


def test_a_key_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    settings = read_settings({"VSA_DATA_DIR": str(tmp_path)})
    assert with_key(settings).secret_keys == []
    leave_key(settings)
    made = with_key(settings).secret_keys
    leave_key(settings)
    assert with_key(settings).secret_keys == made
    assert len(made[0]) >= 32
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_the_settings_key_goes_before_it(tmp_path: Path) -> None:
    leave_key(read_settings({"VSA_DATA_DIR": str(tmp_path)}))
    mine = {"VSA_DATA_DIR": str(tmp_path), "VSA_SECRET_KEY": "a key of my own"}
    assert with_key(
        read_settings({**mine, "VSA_SECRET_KEY": "my own key of 20 ..."})
    ).secret_keys == ["my own key of 20 ..."]
