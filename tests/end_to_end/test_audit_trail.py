"""The audit trail from REST to `vsa audit verify`, and a superuser who edits it behind the API."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.end_to_end.conftest import running
from tests.end_to_end.house import ROOT, House
from tests.parts.postgres import Database

# What is done behind the API, and the entry that verification must name.
TAMPERINGS = {
    "UPDATE audit_logs SET actor = 'somebody' WHERE id = 3": "3",
    "DELETE FROM audit_logs WHERE id = 2": "2",
    "DELETE FROM audit_logs WHERE id = 5": "5",
    "UPDATE audit_logs SET id = CASE id WHEN 3 THEN -3 ELSE 3 END WHERE id IN (3, 4);"
    " UPDATE audit_logs SET id = 4 WHERE id = -3": "3",
}


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[House]:
    """An API whose trail has five entries: the first token's and four nodes'."""
    with running(database, {}, tmp_path) as house:
        house.start("api")
        for number in range(4):
            body = {"name": f"n{number}", "docker_url": "unix:///nowhere", "enabled": False}
            house.client.post("/api/nodes", json=body).raise_for_status()
        yield house


def verify(house: House, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = house.vsa("audit", "verify", *arguments)
    return subprocess.run(
        command, env=house.environment, cwd=ROOT, check=False, capture_output=True, text=True
    )


def test_a_whole_trail_is_whole(house: House) -> None:
    done = verify(house)
    assert (done.returncode, done.stderr) == (0, "")
    assert "5" in done.stdout


@pytest.mark.parametrize("statement", TAMPERINGS)
def test_the_first_entry_that_a_superuser_touched_is_named(
    house: House, database: Database, statement: str
) -> None:
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute(statement.encode())
    done = verify(house)
    assert done.returncode == 1
    assert f"entry {TAMPERINGS[statement]}" in done.stdout + done.stderr


def test_a_trail_and_a_head_that_were_cut_together_show_against_a_saved_head(
    house: House, database: Database
) -> None:
    saved = house.client.get("/api/audit-logs/export").headers["X-VSA-Audit-Head"]
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("DELETE FROM audit_logs WHERE id > 3")
        connection.execute(
            "UPDATE audit_head SET last_id = 3, hash = (SELECT hash FROM audit_logs WHERE id = 3)"
        )
    assert verify(house).returncode == 0
    assert verify(house, "--head", saved).returncode == 1


@pytest.mark.parametrize("statement", ["UPDATE audit_logs SET actor = ''", "TRUNCATE audit_logs"])
@pytest.mark.parametrize("role", ["program", "owner"])
def test_the_database_refuses_the_programs_and_the_owner(
    house: House, database: Database, role: str, statement: str
) -> None:
    url = database.url if role == "program" else database.owner_url
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        psycopg.connect(url) as connection,
    ):
        connection.execute(statement.encode())
    assert verify(house).returncode == 0
