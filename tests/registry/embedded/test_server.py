from __future__ import annotations

import os
import signal
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from registry.embedded import cluster, find_server, start_server
from registry.embedded.process import find_postmaster, wait_until
from tests.registry.embedded.starting import is_ready, query, starter


def postmaster(data_dir: Path) -> int:
    found = find_postmaster(data_dir / "postgresql")
    assert found
    return found


# ---------------------------------------------------------------------------- one who starts it


def test_both_roles_are_answered(data_dir: Path) -> None:
    server = start_server(data_dir)
    assert query(server.url, "SELECT current_user") == "vsa"
    assert query(server.owner_url, "SELECT current_user") == "vsa_owner"
    server.stop()


def test_the_owner_may_make_tables_and_the_programs_role_may_not(data_dir: Path) -> None:
    server = start_server(data_dir)
    query(server.owner_url, "CREATE TABLE kept (id int)")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        query(server.url, "CREATE TABLE mine (id int)")
    server.stop()


def test_it_is_closed_to_the_network_and_to_other_users(data_dir: Path) -> None:
    server = start_server(data_dir)
    assert query(server.url, "SHOW listen_addresses") == ""
    for private in (data_dir / "postgresql", server.layout.sockets):
        assert private.stat().st_mode & 0o777 == 0o700
    rules = "SELECT string_agg(DISTINCT auth_method, ' ') FROM pg_hba_file_rules"
    assert query(server.layout.url("postgres", "postgres"), rules) == "peer"
    server.stop()


def test_what_is_acknowledged_is_on_disk(data_dir: Path) -> None:
    server = start_server(data_dir)
    assert query(server.url, "SHOW fsync") == "on"
    assert query(server.url, "SHOW synchronous_commit") == "on"
    server.stop()


def test_data_is_there_at_the_next_start(data_dir: Path) -> None:
    server = start_server(data_dir)
    query(server.owner_url, "CREATE TABLE kept AS SELECT 7 AS id")
    server.stop()
    server = start_server(data_dir)
    assert query(server.owner_url, "SELECT id FROM kept") == 7
    server.stop()


def test_stopping_twice_is_stopping(data_dir: Path) -> None:
    server = start_server(data_dir)
    server.stop()
    server.stop()
    assert find_server(data_dir) is None


def test_ctrl_c_at_our_terminal_does_not_reach_it(data_dir: Path) -> None:
    server = start_server(data_dir)
    assert os.getsid(postmaster(data_dir)) != os.getsid(0)
    server.stop()


# ---------------------------------------------------------------------------- several


def test_it_is_found_only_while_it_runs(data_dir: Path) -> None:
    assert find_server(data_dir) is None
    server = start_server(data_dir)
    found = find_server(data_dir)
    assert found
    assert found.url == server.url
    server.stop()
    assert find_server(data_dir) is None


def test_finding_it_is_not_using_it(data_dir: Path) -> None:
    server = start_server(data_dir)
    found = find_server(data_dir)
    assert found
    found.stop()
    assert query(server.url, "SELECT 1") == 1
    server.stop()
    assert find_server(data_dir) is None


def test_the_last_who_uses_it_stops_it(data_dir: Path) -> None:
    first, second = start_server(data_dir), start_server(data_dir)
    first.stop()
    assert query(second.url, "SELECT 1") == 1
    second.stop()
    assert find_server(data_dir) is None


def test_starters_at_once_share_one_server(data_dir: Path) -> None:
    starters = [starter(data_dir) for _ in range(3)]
    assert [is_ready(process) for process in starters] == [True] * 3
    server = find_server(data_dir)
    assert server
    assert query(server.url, "SELECT 1") == 1
    faults = [process.communicate()[1] for process in starters]
    assert faults == [""] * 3
    assert find_server(data_dir) is None


# ---------------------------------------------------------------------------- what a kill leaves


def test_a_server_that_a_killed_parent_left_is_used(data_dir: Path) -> None:
    with starter(data_dir) as parent:
        assert is_ready(parent)
        left = postmaster(data_dir)
        parent.kill()
    server = start_server(data_dir)
    assert postmaster(data_dir) == left
    server.stop()
    assert find_server(data_dir) is None


def test_a_killed_server_is_seen_to_be_gone(data_dir: Path) -> None:
    server = start_server(data_dir)
    assert server.is_running
    os.kill(postmaster(data_dir), signal.SIGKILL)
    assert wait_until(lambda: not server.is_running, 5)
    server.stop()


def test_a_killed_server_is_started_again_with_what_it_acknowledged(data_dir: Path) -> None:
    server = start_server(data_dir)
    query(server.owner_url, "CREATE TABLE kept AS SELECT 7 AS id")
    with psycopg.connect(server.url) as client:
        client.execute("SELECT 1")
        os.kill(postmaster(data_dir), signal.SIGKILL)
        again = start_server(data_dir)
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
    assert query(again.owner_url, "SELECT id FROM kept") == 7
    again.stop()
    server.stop()


def test_a_killed_server_whose_session_goes_on_working_does_not_block(data_dir: Path) -> None:
    server = start_server(data_dir)
    with closing(psycopg.connect(server.url, autocommit=True)) as client:
        busy = "SELECT count(*) FROM generate_series(1, 1e12::bigint)"
        client.pgconn.send_query(busy.encode())
        os.kill(postmaster(data_dir), signal.SIGKILL)
        again = start_server(data_dir)
        assert query(again.url, "SELECT 1") == 1
    again.stop()
    server.stop()


def test_a_pid_file_that_names_another_process_does_not_block(data_dir: Path) -> None:
    server = start_server(data_dir)
    server.stop()
    stale = f"{os.getpid()}\n{data_dir}/postgresql\n1\n5432\n{data_dir}/run\n\n1 1\nready\n"
    (data_dir / "postgresql" / "postmaster.pid").write_text(stale)
    assert find_server(data_dir) is None
    server = start_server(data_dir)
    assert query(server.url, "SELECT 1") == 1
    server.stop()


def test_a_server_that_hangs_is_replaced(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_ANSWER_SECONDS", 0)
    monkeypatch.setattr(cluster, "_FORCE_SECONDS", 0.5)
    with starter(data_dir) as parent:
        assert is_ready(parent)
        hung = postmaster(data_dir)
        parent.kill()
    os.kill(hung, signal.SIGSTOP)
    server = start_server(data_dir)
    assert postmaster(data_dir) != hung
    assert query(server.url, "SELECT 1") == 1
    server.stop()


def test_a_server_that_is_stopping_is_waited_for(data_dir: Path) -> None:
    server = start_server(data_dir)
    stopping = postmaster(data_dir)
    os.kill(stopping, signal.SIGINT)
    again = start_server(data_dir)
    assert wait_until(lambda: postmaster(data_dir) != stopping, 5)
    assert query(again.url, "SELECT 1") == 1
    again.stop()
    server.stop()
