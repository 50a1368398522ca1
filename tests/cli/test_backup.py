from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from cli.faults import BadInput
from cli.transfer import size, whole_file
from tests.cli.person import VSA, Home, Person
from tests.end_to_end.house import wait_for
from tests.parts.postgres import Database
from tests.parts.require import require_root
from tests.registry.test_migrate import run as execute

HEAD = "0" * 64
_WAITING = "SELECT count(*) FROM pg_locks WHERE relation = 'vps_nodes'::regclass AND NOT granted"


@pytest.fixture
def admin(person: Person, database: Database) -> Person:
    """Somebody with a database of their own."""
    urls = {"VSA_DATABASE_URL": database.url, "VSA_MIGRATION_DATABASE_URL": database.owner_url}
    return Person({**person.environment, **urls})


@contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    """The two ends of a terminal: ours, and the program's."""
    ours, theirs = pty.openpty()
    try:
        yield ours, theirs
    finally:
        os.close(ours)
        os.close(theirs)


# ---------------------------------------------------------------------------- where to


def test_a_file_is_for_its_owner_alone_and_told_in_one_line(admin: Person, tmp_path: Path) -> None:
    file = tmp_path / "vsa.dump"
    said = admin.vsa("backup", str(file))
    assert (said.code, said.err) == (0, "")
    assert re.fullmatch(
        rf"{file}: [\d.]+ KiB as of \d{{4}}-\S+Z, 0 audit records, head {HEAD}\n", said.out
    )
    assert file.read_bytes().startswith(b"PGDMP")
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.glob("*.part")) == []


def test_stdout_carries_the_backup_and_nothing_else(admin: Person) -> None:
    done = subprocess.run([*VSA, "backup"], env=admin.environment, capture_output=True, check=True)
    assert done.stdout.startswith(b"PGDMP")
    assert done.stderr.decode().startswith("backup: ")


def test_json_tells_what_a_restore_is_verified_by(admin: Person, tmp_path: Path) -> None:
    told = admin.vsa("backup", str(tmp_path / "vsa.dump"), "--json").document()
    assert isinstance(told, dict)
    assert told["size"] == (tmp_path / "vsa.dump").stat().st_size
    assert (told["audit_records"], told["audit_head"]) == (0, HEAD)
    assert set(told) >= {"taken_at", "revision", "server_version"}


def test_a_terminal_is_refused(admin: Person) -> None:
    with terminal() as (_, theirs):
        done = subprocess.run(
            [*VSA, "backup"],
            env=admin.environment,
            stdout=theirs,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 2
    assert b"nothing for a terminal" in done.stderr


def test_a_file_that_exists_is_kept_unless_forced(admin: Person, tmp_path: Path) -> None:
    file = tmp_path / "vsa.dump"
    file.write_bytes(b"last week's")
    said = admin.vsa("backup", str(file))
    assert said.code == 2
    assert f"{file} exists; --force replaces it" in said.err
    assert file.read_bytes() == b"last week's"
    assert admin.vsa("backup", str(file), "--force").code == 0
    assert file.read_bytes().startswith(b"PGDMP")


def test_a_folder_that_is_not_there_is_named(admin: Person, tmp_path: Path) -> None:
    said = admin.vsa("backup", str(tmp_path / "none" / "vsa.dump"))
    assert said.code == 2
    assert "cannot write" in said.err
    assert "No such file" in said.err


def test_progress_is_told_on_a_terminal(admin: Person, database: Database, tmp_path: Path) -> None:
    noise = "INSERT INTO vps_nodes (name, docker_url, enabled, created_at, updated_at)"
    noise += " SELECT n, string_agg(md5((n * m)::text), ''), true, 'now', 'now'"
    noise += " FROM generate_series(1, 3000) n, generate_series(1, 100) m GROUP BY n"
    execute(database.owner_url, noise)
    with terminal() as (ours, theirs):
        subprocess.run(
            [*VSA, "backup", str(tmp_path / "vsa.dump")],
            env=admin.environment,
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            check=True,
        )
        assert re.search(rb"[KM]iB, [\d.]+ [KM]iB/s", os.read(ours, 10_000))


# ---------------------------------------------------------------------------- what goes wrong


def test_a_reader_that_goes_away_is_no_success(admin: Person, database: Database) -> None:
    with subprocess.Popen(
        [*VSA, "backup"], env=admin.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.wait(30) == 3
        assert (
            process.stderr.read() == b"vsa: whoever reads this backup went away; it is not whole\n"
        )


def test_a_full_disk_leaves_no_file(admin: Person, tmp_path: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", 'ulimit -f 8; trap "" XFSZ; exec "$@"', "sh", *VSA, "backup", "vsa.dump"],
        env=admin.environment,
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert b"File too large" in done.stderr
    assert list(tmp_path.glob("vsa.dump*")) == []


def test_a_database_that_does_not_answer_exits_with_3_and_leaves_no_file(
    person: Person, tmp_path: Path
) -> None:
    url = f"postgresql://vsa@/vsa?host={tmp_path}"
    said = person.vsa("backup", str(tmp_path / "vsa.dump"), VSA_DATABASE_URL=url)
    assert said.code == 3
    assert said.err.count("\n") == 1
    assert list(tmp_path.glob("vsa.dump*")) == []


def test_ctrl_c_leaves_no_file(admin: Person, database: Database, tmp_path: Path) -> None:
    # Whoever runs the tests in the background may have them ignore it.
    command = ["env", "--default-signal=INT", *VSA, "backup", "vsa.dump"]
    with (
        psycopg.connect(database.owner_url) as holder,
        subprocess.Popen(command, env=admin.environment, cwd=tmp_path) as process,
    ):
        holder.execute("LOCK TABLE vps_nodes")
        wait_for("pg_dump waits for the lock", lambda: holder.execute(_WAITING).fetchone() == (1,))
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    assert list(tmp_path.glob("vsa.dump*")) == []


def test_two_backups_into_one_file_do_not_mix(tmp_path: Path) -> None:
    file = tmp_path / "vsa.dump"
    with whole_file(file, force=False) as first:
        first.write(b"first")
        with pytest.raises(BadInput, match="written by another"), whole_file(file, force=False):
            pass
    assert file.read_bytes() == b"first"


def test_what_a_killed_backup_left_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "vsa.dump.part").write_bytes(b"left over, and longer")
    (tmp_path / "vsa.dump.part").chmod(0o644)
    with whole_file(tmp_path / "vsa.dump", force=False) as file:
        file.write(b"new")
    assert (tmp_path / "vsa.dump").read_bytes() == b"new"
    assert (tmp_path / "vsa.dump").stat().st_mode & 0o777 == 0o600


def test_a_file_that_another_user_laid_ready_is_not_written_to(tmp_path: Path) -> None:
    require_root("make a file that is another user's")
    trap = tmp_path / "vsa.dump.part"
    trap.touch()
    os.chown(trap, 65534, 65534)
    with (
        pytest.raises(BadInput, match="somebody else"),
        whole_file(tmp_path / "vsa.dump", force=False),
    ):
        pass
    assert not (tmp_path / "vsa.dump").exists()


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 << 19, "2.5 MiB"), (3 << 30, "3.0 GiB")],
)
def test_a_size_is_written_in_its_unit(count: int, told: str) -> None:
    assert size(count) == told


# ---------------------------------------------------------------------------- vsa up


def test_the_embedded_database_is_backed_up_while_it_is_used(home: Home, tmp_path: Path) -> None:
    said = home.vsa("backup", str(tmp_path / "vsa.dump"), "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["audit_records"] > 0
    assert home.rest("GET", "/nodes").is_success
