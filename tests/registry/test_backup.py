from __future__ import annotations

import subprocess
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from registry import clients
from registry.audit import Head
from registry.backup import BackupError, dump, exported_snapshot
from registry.clients import ClientError, clients_for, connection_string, newest_clients, running
from tests.parts.postgres import Database, Server, empty_database, migrated_database

NODE = """
    INSERT INTO vps_nodes (name, docker_url, enabled, created_at, updated_at)
    VALUES (%s, '', true, 'now', 'now')
"""


def listed(archive: bytes) -> str:
    command = newest_clients().command("pg_restore", "--list")
    return subprocess.run(command, input=archive, capture_output=True, check=True).stdout.decode()


def as_sql(archive: bytes) -> str:
    command = newest_clients().command("pg_restore", "--file=-")
    return subprocess.run(command, input=archive, capture_output=True, check=True).stdout.decode()


def run(url: str, statement: str, *values: object) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode(), values)


# ---------------------------------------------------------------------------- the snapshot


def test_it_holds_what_was_committed_before_its_snapshot_and_nothing_later(
    database: Database,
) -> None:
    run(database.url, NODE, "before")
    with exported_snapshot(database.owner_url) as snapshot:
        run(database.url, NODE, "after")
        with dump(database.owner_url, snapshot) as pieces:
            script = as_sql(pieces.read())
    assert "\tbefore\t" in script
    assert "\tafter\t" not in script


def test_its_audit_head_is_that_of_the_snapshot(database: Database) -> None:
    with exported_snapshot(database.owner_url) as snapshot:
        run(database.owner_url, "UPDATE audit_head SET last_id = 1, hash = repeat('1', 64)")
        assert snapshot.head == Head(0, "0" * 64)
    with exported_snapshot(database.owner_url) as snapshot:
        assert snapshot.head == Head(1, "1" * 64)


def test_samples_and_heartbeats_stay_behind(database: Database) -> None:
    run(database.url, NODE, "n")
    run(database.url, r"INSERT INTO node_samples SELECT id, 'now', '\x90' FROM vps_nodes")
    run(database.url, "INSERT INTO collectors VALUES ('c', '1', 'now', 'now', 1, 2, 3, 4, 5)")
    with (
        exported_snapshot(database.owner_url) as snapshot,
        dump(database.owner_url, snapshot) as pieces,
    ):
        tables = {line.split()[-2] for line in listed(pieces.read()).splitlines() if "DATA" in line}
    assert {"vps_nodes", "audit_logs"} <= tables
    assert not tables & {"node_samples", "collectors"}


def test_a_large_object_of_another_role_does_not_stop_it(database: Database) -> None:
    run(database.dashboard_url, "SELECT lo_from_bytea(0, 'not the owner''s to read')")
    with (
        exported_snapshot(database.owner_url) as snapshot,
        dump(database.owner_url, snapshot) as pieces,
    ):
        assert "BLOB" not in listed(pieces.read())


def test_a_database_without_our_tables_says_so(server: Server) -> None:
    with (
        empty_database(server) as empty,
        pytest.raises(BackupError, match="no tables of ours"),
        exported_snapshot(empty.owner_url),
    ):
        pass


def test_the_programs_role_cannot_read_everything_and_hears_who_can(database: Database) -> None:
    with (
        exported_snapshot(database.url) as snapshot,
        pytest.raises(ClientError, match="permission denied"),
        dump(database.url, snapshot) as pieces,
    ):
        pieces.read()


# ---------------------------------------------------------------------------- the programs


def pretend(folder: Path, version: str) -> Path:
    """A folder with client programs that tell a version."""
    folder.mkdir()
    for name in ("pg_dump", "pg_restore", "psql"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version} (Debian)'\n")
        program.chmod(0o755)
    return folder


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL 15 on PATH and 18 of the wheel."""
    monkeypatch.setenv("PATH", str(pretend(tmp_path / "path", "15.20")))
    shipped = pretend(tmp_path / "wheel", "18.4")
    monkeypatch.setattr(clients, "shipped_programs", lambda: shipped)


@pytest.mark.parametrize(("server_version", "used"), [("14.2", 15), ("15.1", 15), ("16.10", 18)])
def test_the_oldest_that_are_new_enough_are_used(two: None, server_version: str, used: int) -> None:
    assert clients_for(server_version).major == used


def test_the_newest_read_a_backup(two: None) -> None:
    assert newest_clients().version == "18.4"


def test_those_older_than_the_server_are_refused_and_both_versions_named(two: None) -> None:
    with pytest.raises(ClientError, match=r"pg_dump 18\.4 is older than .* PostgreSQL 19\.1"):
        clients_for("19.1")


def test_without_any_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(clients, "shipped_programs", lambda: None)
    with pytest.raises(ClientError, match="install postgresql-client-16 or newer"):
        clients_for("16.10")
    with pytest.raises(ClientError, match="install postgresql-client"):
        newest_clients()


def test_a_password_is_in_a_file_for_us_alone_while_it_is_needed() -> None:
    with connection_string(r"postgresql://vsa:a%3Ab\c@db.test:5433/vsa", "backup") as target:
        assert "a:b" not in target
        words = dict(word.split("=", 1) for word in target.split() if "=" in word)
        file = Path(words["passfile"])
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.read_text() == "*:*:*:*:a\\:b\\\\c\n"
        assert (words["host"], words["port"], words["user"]) == ("db.test", "5433", "vsa")
    assert not file.exists()


def test_a_password_of_a_key_is_refused_rather_than_shown() -> None:
    url = "postgresql://vsa@db.test/vsa?sslpassword=hunter2"
    with pytest.raises(ClientError, match="sslpassword") as caught, connection_string(url, "x"):
        pass
    assert "hunter2" not in str(caught.value)


def test_a_program_s_own_error_is_told_in_one_line() -> None:
    command = newest_clients().command("pg_dump", "--dbname=host=127.0.0.1 port=1 user=x")
    refused = pytest.raises(ClientError, match="pg_dump failed: error: connection")
    with refused as caught, running(command):
        pass
    assert caught.value.is_connection
    assert "\n" not in str(caught.value)


def test_a_program_does_not_outlive_what_failed_beside_it() -> None:
    with pytest.raises(ZeroDivisionError), running(["/bin/sleep", "100"]) as process:
        raise ZeroDivisionError
    assert process.poll() is not None


def test_a_password_opens_the_database_for_every_program(older_server: Server) -> None:
    """Trust is the rule on that server; one role has to prove itself."""
    rules = older_server.sockets / "data" / "pg_hba.conf"
    before = rules.read_text()
    older_server.run("CREATE ROLE {} LOGIN PASSWORD 'a:b\\c %/é' IN ROLE vsa_owner", "locked")
    rules.write_text(f"local all locked scram-sha-256\n{before}")
    try:
        older_server.run("SELECT pg_reload_conf()")
        with migrated_database(older_server) as opened:
            password = quote("a:b\\c %/é", safe="")
            url = opened.owner_url.replace("vsa_owner@", f"locked:{password}@")
            with exported_snapshot(url) as snapshot, dump(url, snapshot) as pieces:
                assert pieces.read().startswith(b"PGDMP")
            wrong = opened.owner_url.replace("vsa_owner@", "locked:wrong@")
            with connection_string(wrong, "test") as target:
                refused = pytest.raises(ClientError, match="password authentication failed")
                command = newest_clients().command("pg_dump", f"--dbname={target}")
                with refused, running(command):
                    pass
    finally:
        rules.write_text(before)
        older_server.run("SELECT pg_reload_conf()")
        older_server.run("DROP ROLE {}", "locked")
