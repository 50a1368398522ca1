from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import psycopg
import pytest

from tests.cli.person import VSA, Home, Person, wait_gone
from tests.cli.test_backup import terminal
from tests.end_to_end.house import wait_for
from tests.parts.postgres import Database, short_folder
from tests.registry.test_migrate import query
from tests.registry.test_migrate import run as execute
from tests.registry.test_restore import backup_of

NODE = """
    INSERT INTO vps_nodes (name, docker_url, enabled, created_at, updated_at)
    SELECT 'n' || n, md5(n::text), true, 'now', 'now' FROM generate_series(1, {}) n
"""
TAMPER = """
    ALTER TABLE audit_logs DISABLE TRIGGER append_only;
    UPDATE audit_logs SET actor = 'nobody';
"""


@pytest.fixture
def admin(person: Person, database: Database) -> Person:
    """Somebody with a database of one node."""
    execute(database.owner_url, NODE.format(1))
    urls = {"VSA_DATABASE_URL": database.url, "VSA_MIGRATION_DATABASE_URL": database.owner_url}
    return Person({**person.environment, **urls})


@pytest.fixture
def file(admin: Person, database: Database, tmp_path: Path) -> Path:
    """A backup of it."""
    path = tmp_path / "vsa.dump"
    path.write_bytes(backup_of(database))
    return path


def nodes(database: Database) -> object:
    return query(database.owner_url, "SELECT count(*) FROM vps_nodes")[0][0]


def test_it_says_in_one_line_that_the_trail_is_whole(
    admin: Person, database: Database, file: Path
) -> None:
    execute(database.owner_url, "DELETE FROM vps_nodes")
    said = admin.vsa("restore", str(file))
    assert said.code == 0, said.err
    assert said.out.startswith("restored ")
    assert said.out.endswith(f"KiB: 0 audit records, whole up to {'0' * 64}\n")
    assert "revoked since this backup" in said.err
    assert nodes(database) == 1


def test_a_database_with_data_is_refused_and_counted(admin: Person, file: Path) -> None:
    said = admin.vsa("restore", str(file))
    assert said.code == 2
    assert "holds 1 node; --replace removes all of it" in said.err


def test_replacing_needs_a_yes(admin: Person, database: Database, file: Path) -> None:
    execute(database.owner_url, NODE.format("5) n WHERE n > 1 --"))
    said = admin.vsa("restore", str(file), "--replace")
    assert said.code == 2
    assert "needs --yes where nobody can be asked" in said.err
    assert nodes(database) == 5
    assert admin.vsa("restore", str(file), "--replace", "--yes").code == 0
    assert nodes(database) == 1


@pytest.mark.parametrize(("answer", "code", "left"), [(b"n\n", 2, 5), (b"y\n", 0, 1)])
def test_on_a_terminal_the_person_is_asked(
    admin: Person, database: Database, file: Path, answer: bytes, code: int, left: int
) -> None:
    execute(database.owner_url, NODE.format("5) n WHERE n > 1 --"))
    with terminal() as (ours, theirs):
        process = subprocess.Popen(
            [*VSA, "restore", str(file), "--replace"],
            env=admin.environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        asked = b""
        while b"[y/N]" not in asked:
            asked += os.read(ours, 10_000)
        os.write(ours, answer)
        assert process.wait(60) == code
    assert b"Remove 5 nodes from test_" in asked
    assert nodes(database) == left


def test_programs_that_are_connected_are_named(
    admin: Person, database: Database, file: Path
) -> None:
    with psycopg.connect(f"{database.url}&application_name=vsa%20collector"):
        said = admin.vsa("restore", str(file), "--replace", "--yes")
    assert said.code == 2
    assert f"stop these first, they use the database {database.name}: vsa collector (1)" in said.err


def test_a_head_that_was_kept_must_be_the_backup_s(admin: Person, file: Path) -> None:
    said = admin.vsa("restore", str(file), "--replace", "--yes", "--head", "f" * 64)
    assert said.code == 2
    assert f"this backup's is another, {'0' * 64}" in said.err


def test_a_trail_that_was_tampered_with_before_the_backup_is_restored_and_told(
    admin: Person, database: Database, tmp_path: Path
) -> None:
    execute(database.owner_url, "DELETE FROM vps_nodes")
    states = Path(__file__).parents[1] / "registry" / "states"
    execute(database.superuser_url, (states / "0001.sql").read_text())
    execute(database.superuser_url, TAMPER)
    file = tmp_path / "tampered.dump"
    file.write_bytes(backup_of(database))
    said = admin.vsa("restore", str(file), "--replace", "--yes")
    assert said.code == 1
    assert said.out == "restored, but the audit trail is broken at entry 1\n"


def test_a_restore_that_is_killed_changed_nothing(admin: Person, database: Database) -> None:
    execute(database.owner_url, NODE.format("20000) n WHERE n > 1 --"))
    content = backup_of(database)
    execute(database.owner_url, "DELETE FROM vps_nodes WHERE name <> 'n1'")
    command = [*VSA, "restore", "-", "--replace", "--yes"]
    process = subprocess.Popen(command, env=admin.environment, stdin=subprocess.PIPE)
    assert process.stdin
    process.stdin.write(content[: len(content) * 9 // 10])
    process.stdin.flush()
    loading = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'vsa restore'"
    loading += f" AND datname = '{database.name}' AND state = 'active' AND query LIKE 'COPY%'"
    wait_for("half of it is loaded", lambda: query(database.superuser_url, loading))
    process.send_signal(signal.SIGKILL)
    process.stdin.close()
    process.wait()
    gone = loading.partition(" AND state")[0]
    wait_for("its connection is gone", lambda: not query(database.superuser_url, gone))
    assert nodes(database) == 1


@pytest.mark.parametrize("missing", ["none.dump", "."])
def test_what_cannot_be_read_is_named(admin: Person, tmp_path: Path, missing: str) -> None:
    said = admin.vsa("restore", str(tmp_path / missing))
    assert said.code == 2
    assert "cannot read" in said.err


# ---------------------------------------------------------------------------- vsa up


def test_a_running_vsa_up_is_not_restored_into(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "vsa.dump"
    assert home.vsa("backup", str(file)).code == 0
    said = home.vsa("restore", str(file), "--replace", "--yes")
    assert said.code == 2
    assert "`vsa up` runs already" in said.err


def test_the_embedded_database_is_restored_into_a_new_data_folder(
    home: Home, tmp_path: Path
) -> None:
    file = tmp_path / "vsa.dump"
    assert home.vsa("backup", str(file)).code == 0
    with short_folder("vsa-new-") as folder:
        new = Home(folder)
        said = new.vsa("restore", str(file))
        assert said.code == 0, said.err
        wait_gone(new)
