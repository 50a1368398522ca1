from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path

import pytest

from registry.embedded import EmbeddedError, binaries, start_server
from registry.embedded.account import server_account
from registry.embedded.binaries import find_binaries
from registry.embedded.layout import Layout
from registry.embedded.process import find_postmaster
from tests.parts.require import require_root
from tests.registry.embedded.starting import as_user, query

NOBODY = pwd.getpwnam("nobody").pw_uid


@pytest.fixture
def closed_site(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The wheel installed where only root may look, as a venv below /root is."""
    require_root("step down from it")
    closed, site = folder / "closed", binaries._site_packages()
    for tree in binaries._TREES:
        shutil.copytree(site / tree, closed / tree, ignore=binaries._NEEDLESS)
    closed.chmod(0o700)
    monkeypatch.setattr(binaries, "_site_packages", lambda: closed)
    return closed


def test_programs_that_can_be_reached_are_used_where_they_are(folder: Path) -> None:
    found = find_binaries(Layout(folder), server_account())
    assert (found / "postgres").exists()
    copied = list(folder.glob("binaries-*"))
    assert copied == ([found.parents[2]] if copied else [])


def test_programs_that_cannot_be_reached_are_copied_below_the_data_folder(
    data_dir: Path, closed_site: Path
) -> None:
    server = start_server(data_dir)
    assert query(server.url, "SELECT 1") == 1
    program = Path(f"/proc/{find_postmaster(server.layout.data)}/exe").readlink()
    assert program.is_relative_to(data_dir)
    server.stop()


def test_they_are_copied_once_in_place_of_another_versions(folder: Path, closed_site: Path) -> None:
    (folder / "binaries-0.5.0").mkdir()
    (folder / "binaries-unfinished").mkdir()
    first = find_binaries(Layout(folder), server_account())
    made = first.stat().st_ctime_ns
    assert find_binaries(Layout(folder), server_account()).stat().st_ctime_ns == made
    assert list(folder.glob("binaries-*")) == [first.parents[2]]


def test_an_ordinary_user_runs_them_too(folder: Path, closed_site: Path) -> None:
    closed_site.chmod(0o755)
    os.chown(folder, NOBODY, NOBODY)

    def start_ask_and_stop() -> object:
        server = start_server(folder / "data")
        try:
            return query(server.url, "SELECT current_user")
        finally:
            server.stop()

    assert as_user(NOBODY, start_ask_and_stop) == "vsa"


def test_a_missing_wheel_is_told_with_what_to_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "_PACKAGE", "no_such_package")
    with pytest.raises(EmbeddedError, match="set VSA_DATABASE_URL, or pip install"):
        find_binaries(Layout(folder), server_account())
