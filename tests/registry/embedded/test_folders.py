from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path

import psycopg
import pytest

from registry.embedded import EmbeddedError, start_server
from registry.embedded.account import server_account
from registry.embedded.folders import prepare, private_folder
from registry.embedded.layout import Layout
from tests.parts.require import require_root
from tests.registry.embedded.starting import as_user, query

NOBODY = pwd.getpwnam("nobody").pw_uid


def test_a_folder_that_cannot_be_made_is_told(folder: Path) -> None:
    (folder / "file").touch()
    with pytest.raises(EmbeddedError, match=r"cannot use the data folder .*file/data"):
        prepare(folder / "file" / "data", server_account())


def test_a_closed_parent_is_named_with_what_to_do(folder: Path) -> None:
    require_root("step down from it")
    (folder / "closed").mkdir(mode=0o700)
    with pytest.raises(EmbeddedError, match=f"`chmod o\\+x {folder}/closed`"):
        prepare(folder / "closed" / "data", server_account())
    assert (folder / "closed").stat().st_mode & 0o777 == 0o700


def test_the_data_folder_opens_to_the_servers_user_and_nobody_else(folder: Path) -> None:
    require_root("step down from it")
    account = server_account()
    prepare(folder / "data", account)
    status = (folder / "data").stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (0, account.gid, 0o710)


def test_what_the_server_reads_it_cannot_change(folder: Path) -> None:
    require_root("step down from it")
    layout = prepare(folder / "data", server_account())
    for path in (layout.root, layout.config, layout.hba, layout.ident):
        assert path.stat().st_uid == 0
        assert not path.stat().st_mode & 0o022


def test_a_tight_umask_does_not_lock_the_server_out(data_dir: Path) -> None:
    before = os.umask(0o077)
    try:
        server = start_server(data_dir)
        assert query(server.url, "SELECT 1") == 1
        server.stop()
    finally:
        os.umask(before)


@pytest.mark.parametrize("name", ["x" * 100, "with space, and comma", "zoë $HOME `id` \"'"])
def test_a_path_that_no_socket_may_have_serves_as_well(folder: Path, name: str) -> None:
    server = start_server(folder / name)
    sockets = server.layout.sockets
    assert sockets.stat().st_mode & 0o777 == 0o700
    assert query(server.url, "SELECT 1") == 1
    server.stop()
    shutil.rmtree(sockets)


def test_a_socket_folder_of_somebody_else_is_refused(folder: Path) -> None:
    require_root("give a folder away")
    (folder / "run").mkdir()
    os.chown(folder / "run", NOBODY, NOBODY)
    with pytest.raises(EmbeddedError, match="belongs to another user"):
        private_folder(folder / "run", server_account())


def test_a_link_in_place_of_a_folder_is_refused(folder: Path) -> None:
    (folder / "real").mkdir()
    (folder / "run").symlink_to(folder / "real")
    with pytest.raises(EmbeddedError, match="belongs to another user"):
        private_folder(folder / "run", server_account())


def test_another_system_user_is_refused_even_at_an_open_socket(data_dir: Path) -> None:
    require_root("become another user")
    server = start_server(data_dir)
    for path in (data_dir, server.layout.sockets, server.layout.sockets / ".s.PGSQL.5432"):
        path.chmod(0o777)
    said = as_user(NOBODY, lambda: query(server.url, "SELECT 1"))
    assert 'Peer authentication failed for user "vsa"' in said
    server.stop()


def test_a_role_that_is_not_ours_is_refused(data_dir: Path) -> None:
    server = start_server(data_dir)
    query(server.layout.url("postgres", "postgres"), "CREATE ROLE guest LOGIN")
    with pytest.raises(psycopg.OperationalError, match=r"no pg_hba.conf entry"):
        query(server.layout.url("guest", "vsa"), "SELECT 1")
    server.stop()


def test_an_ordinary_users_folders_are_their_own_alone(folder: Path) -> None:
    require_root("become another user")
    os.chown(folder, NOBODY, NOBODY)

    def make() -> str:
        layout: Layout = prepare(folder / "data", server_account())
        return f"{layout.root.stat().st_mode & 0o777:o} {layout.sockets.stat().st_mode & 0o777:o}"

    assert as_user(NOBODY, make) == "700 700"
