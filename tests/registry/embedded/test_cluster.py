from __future__ import annotations

import os
from pathlib import Path

import pytest

from registry.embedded import EmbeddedError, start_server
from tests.parts.require import require_root
from tests.registry.embedded.starting import query


@pytest.fixture
def stopped(data_dir: Path) -> Path:
    """A data folder whose server ran once."""
    start_server(data_dir).stop()
    return data_dir


def test_the_data_of_another_major_version_is_told_apart(stopped: Path) -> None:
    (stopped / "postgresql" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedError, match="made by PostgreSQL 17, but PostgreSQL 18"):
        start_server(stopped)


def test_data_of_another_user_is_told_apart(stopped: Path) -> None:
    require_root("give a folder away")
    os.chown(stopped / "postgresql", 54321, 54321)
    with pytest.raises(EmbeddedError, match="belongs to user id 54321"):
        start_server(stopped)


def test_a_failed_start_shows_the_end_of_the_log(stopped: Path) -> None:
    (stopped / "postgresql" / "global" / "pg_control").unlink()
    with pytest.raises(EmbeddedError, match=r"could not open file .*pg_control"):
        start_server(stopped)


def test_a_data_folder_that_was_half_made_is_made_anew(data_dir: Path) -> None:
    (data_dir / "unfinished-killed" / "base").mkdir(parents=True)
    server = start_server(data_dir)
    assert query(server.url, "SELECT 1") == 1
    server.stop()
    assert not list(data_dir.glob("unfinished-*"))


def test_roles_that_a_killed_starter_did_not_come_to_are_made(data_dir: Path) -> None:
    server = start_server(data_dir)
    query(server.layout.url("postgres", "postgres"), "DROP DATABASE vsa")
    query(server.layout.url("postgres", "postgres"), "DROP ROLE vsa")
    again = start_server(data_dir)
    assert query(again.url, "SELECT current_database()") == "vsa"
    again.stop()
    server.stop()


def test_a_long_log_is_put_aside_at_the_next_start(stopped: Path) -> None:
    log = stopped / "postgresql.log"
    log.write_bytes(b"x" * (2 << 20))
    start_server(stopped).stop()
    assert log.stat().st_size < 1 << 20
    assert (stopped / "postgresql.log.old").stat().st_size == 2 << 20


def test_the_log_holds_no_statement(data_dir: Path) -> None:
    server = start_server(data_dir)
    with pytest.raises(Exception, match="hunter2"):
        query(server.url, "SELECT 'hunter2'::int")
    server.stop()
    assert "hunter2" not in (data_dir / "postgresql.log").read_text()
