from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from registry.embedded.process import answers, clear_remains, end, find_postmaster, wait_until


def test_nobody_answers_where_nothing_runs(folder: Path) -> None:
    assert not answers(f"postgresql://postgres@/postgres?host={folder}")


@pytest.mark.parametrize("content", ["", "\n", "ready\n", "0\n", "-1\n", "99999999\n"])
def test_a_pid_file_that_names_no_process_names_no_server(folder: Path, content: str) -> None:
    (folder / "postmaster.pid").write_text(content)
    assert find_postmaster(folder) is None


def test_a_postgres_of_another_folder_is_not_ours(folder: Path) -> None:
    (folder / "ours").mkdir()
    program = folder / "postgres"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "60"], cwd=folder) as other:
        for place in (folder, folder / "ours"):
            (place / "postmaster.pid").write_text(f"{other.pid}\n")
        assert wait_until(lambda: find_postmaster(folder) == other.pid, 5)
        assert find_postmaster(folder / "ours") is None
        assert end(folder, signal.SIGTERM, 5)


def test_ending_what_does_not_run_is_done(folder: Path) -> None:
    assert end(folder, signal.SIGINT, 0)


def test_a_process_that_ignores_us_is_reported(folder: Path) -> None:
    program = folder / "postgres"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "60"], cwd=folder) as stubborn:
        (folder / "postmaster.pid").write_text(f"{stubborn.pid}\n")
        assert wait_until(lambda: find_postmaster(folder) is not None, 5)
        assert not end(folder, signal.SIGCONT, 0.05)
        clear_remains(folder, folder)
    assert stubborn.returncode == -signal.SIGKILL
    assert not (folder / "postmaster.pid").exists()


def test_other_processes_are_left_alone(folder: Path) -> None:
    with subprocess.Popen(["/bin/sleep", "60"], cwd=folder) as bystander:
        clear_remains(folder, folder)
        os.kill(bystander.pid, 0)
        bystander.terminate()
    assert bystander.returncode == -signal.SIGTERM
