from __future__ import annotations

import os
import pwd
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.embedded import account
from registry.embedded.account import Account, closed_folder, server_account
from registry.embedded.layout import EmbeddedError
from tests.parts.require import require_root
from tests.registry.embedded.starting import as_user

NOBODY = pwd.getpwnam("nobody").pw_uid
DROPPING = Account("nobody", NOBODY, NOBODY, drops=True)


@pytest.fixture
def new_name(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a system user that is not there yet, removed afterwards."""
    require_root("make a system user")
    name = f"vsa-test-{secrets.token_hex(4)}"
    monkeypatch.setattr(account, "_NAME", name)
    yield name
    subprocess.run(["/usr/sbin/userdel", name], check=False, capture_output=True)


def test_as_root_the_server_runs_as_a_user_made_for_it(new_name: str) -> None:
    made = server_account()
    entry = pwd.getpwnam(new_name)
    assert (made.uid, made.gid, made.drops) == (entry.pw_uid, entry.pw_gid, True)
    assert entry.pw_uid != 0
    assert entry.pw_shell == "/usr/sbin/nologin"
    assert server_account() == made


def test_a_user_that_cannot_be_made_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    require_root("make a system user")
    monkeypatch.setattr(account, "_NAME", "not a name")
    with pytest.raises(EmbeddedError, match="cannot make the system user not a name"):
        server_account()


def test_anybody_else_runs_it_as_themselves() -> None:
    require_root("become another user")
    assert "name='nobody'" in as_user(NOBODY, server_account)


def test_a_user_id_without_a_name_is_told() -> None:
    require_root("become another user")
    assert "user id 54321 has no name in /etc/passwd" in as_user(54321, server_account)


@pytest.mark.parametrize(
    ("owner", "mode", "closed"),
    [
        (0, 0o711, False),
        (0, 0o700, True),
        (0, 0o766, True),
        (NOBODY, 0o700, False),
        (NOBODY, 0o077, True),
    ],
)
def test_a_folder_is_closed_by_its_owner_and_mode(
    folder: Path, owner: int, mode: int, closed: bool
) -> None:
    require_root("give a folder away")
    inner = folder / "outer" / "inner"
    inner.mkdir(parents=True)
    os.chown(inner.parent, owner, 0)
    inner.parent.chmod(mode)
    assert closed_folder(inner, DROPPING) == (inner.parent if closed else None)


def test_a_folder_of_its_group_is_open(folder: Path) -> None:
    require_root("give a folder away")
    os.chown(folder, 0, NOBODY)
    folder.chmod(0o710)
    assert closed_folder(folder, DROPPING) is None
