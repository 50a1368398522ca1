from __future__ import annotations

import io
import os
import pty
import stat
import subprocess
import threading
from pathlib import Path

import bcrypt
import pytest

from cli.faults import BadInput
from cli.htpasswd import htpasswd
from tests.cli.person import VSA, Person

PASSWORD = "a quiet Tuesday in autumn"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "htpasswd"


def set_password(
    monkeypatch: pytest.MonkeyPatch, name: str, file: Path, password: str = PASSWORD
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    htpasswd(name, file)


def names(file: Path) -> list[str]:
    return [line.partition(":")[0] for line in file.read_text().splitlines()]


def test_a_password_is_stored_as_bcrypt(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    set_password(monkeypatch, "alice", file)
    name, _, stored = file.read_text().strip().partition(":")
    assert name == "alice"
    assert stored.startswith("$2y$08$")
    assert bcrypt.checkpw(PASSWORD.encode(), stored.encode())


def test_a_new_password_takes_the_place_of_the_old_one(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    file.write_text("# made by hand\nalice:$apr1$old\nbob:$apr1$his\n")
    set_password(monkeypatch, "alice", file)
    set_password(monkeypatch, "carol", file)
    assert names(file) == ["# made by hand", "alice", "bob", "carol"]
    assert "old" not in file.read_text()
    assert "bob:$apr1$his\n" in file.read_text()


def test_a_name_can_be_taken_out(file: Path) -> None:
    file.write_text("alice:x\nalicia:y\n")
    htpasswd("alice", file, delete=True)
    assert file.read_text() == "alicia:y\n"


def test_who_is_not_there_cannot_be_taken_out(file: Path) -> None:
    file.write_text("alicia:y\n")
    with pytest.raises(BadInput, match="name: alice is not in"):
        htpasswd("alice", file, delete=True)


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("", "at least 12 characters"),
        ("eleven char", "at least 12 characters"),
        ("ü" * 37, "at most 72 bytes"),
        ("with\x00a null in it", "none of them a control"),
        ("with\ta tab in it", "none of them a control"),
    ],
)
def test_a_password_that_will_not_do_is_refused_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, file: Path, password: str, rule: str
) -> None:
    with pytest.raises(BadInput, match=f"password: must have.*{rule}"):
        set_password(monkeypatch, "alice", file, password)
    assert not file.exists()


@pytest.mark.parametrize("name", ["", "a:b", "a b", "-a", "ü"])
def test_a_name_that_will_not_do_is_refused(
    monkeypatch: pytest.MonkeyPatch, file: Path, name: str
) -> None:
    with pytest.raises(BadInput, match="name: must begin with"):
        set_password(monkeypatch, name, file)


def test_the_group_may_read_a_new_file_and_nobody_else(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    set_password(monkeypatch, "alice", file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_new_file_made_by_root_belongs_to_whom_its_folder_belongs(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    os.chown(file.parent, 101, 101)
    set_password(monkeypatch, "alice", file)
    assert (file.stat().st_uid, file.stat().st_gid) == (101, 101)


def test_mode_and_owner_of_a_file_stay(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    file.touch(mode=0o600)
    before = file.stat()
    set_password(monkeypatch, "alice", file)
    after = file.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )


def test_a_folder_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match="nowhere: No such file or directory"):
        set_password(monkeypatch, "alice", tmp_path / "nowhere/htpasswd")


def test_of_two_at_once_none_is_lost(file: Path, person: Person) -> None:
    def add(name: str) -> None:
        command = [*VSA, "htpasswd", name, str(file)]
        subprocess.run(
            command, env=person.environment, input=f"{PASSWORD}\n".encode(), check=True, stderr=-3
        )

    threads = [threading.Thread(target=add, args=(name,)) for name in ("ann", "bob", "eve")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names(file)) == ["ann", "bob", "eve"]


@pytest.mark.parametrize(
    ("second", "code", "said"),
    [(PASSWORD, 0, "alice may sign in"), ("another one", 2, "password: the two differ")],
)
def test_at_a_terminal_it_is_asked_for_twice_and_not_shown(
    file: Path, person: Person, second: str, code: int, said: str
) -> None:
    master, terminal = pty.openpty()
    process = subprocess.Popen(
        [*VSA, "htpasswd", "alice", str(file)],
        env=person.environment,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    shown = b""
    for prompt, answer in ((b"Password: ", PASSWORD), (b"Once more: ", second)):
        while prompt not in shown:
            shown += os.read(master, 1000)
        os.write(master, f"{answer}\n".encode())
    assert process.wait(30) == code
    shown += os.read(master, 1000)
    os.close(master)
    assert said in shown.decode()
    assert PASSWORD not in shown.decode()
