"""The upgrade drill: old tables under running programs, several upgrading at once, and the way back."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from registry.migrate import upgrade
from registry.revisions import known_revisions
from tests.end_to_end.checks import breaches, goes_on, last_seen, verify
from tests.end_to_end.conftest import running
from tests.end_to_end.engines import engines
from tests.end_to_end.house import ROOT, House, wait_for
from tests.parts.ports import free_port
from tests.parts.postgres import Database, Server, empty_database

STATES = Path(__file__).parents[1] / "registry" / "states"
REVISIONS = known_revisions()
# What a migration may do beside programs that do not know of it (docs/adr/0012), to each table they work on.
LATER = """
    CREATE TABLE later (id bigint PRIMARY KEY, node_id bigint REFERENCES vps_nodes ON DELETE CASCADE);
    ALTER TABLE vps_nodes ADD COLUMN later text, ADD COLUMN later_id bigint REFERENCES later;
    ALTER TABLE domains ADD COLUMN later text NOT NULL DEFAULT '';
    ALTER TABLE schedule ADD COLUMN later timestamptz;
    ALTER TABLE node_state ADD COLUMN later jsonb;
    ALTER TABLE container_snapshots ADD COLUMN later text;
    ALTER TABLE events ADD COLUMN later text;
    ALTER TABLE audit_logs ADD COLUMN later text;
    CREATE INDEX ON node_state (last_success_at);
"""


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    with engines("restless-1", "restless-2") as urls:
        yield urls


@pytest.fixture
def old(server: Server) -> Iterator[Database]:
    """The tables as the release before left them."""
    with empty_database(server) as database:
        upgrade(database.owner_url, database.url, REVISIONS[-2])
        yield database


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[House]:
    with running(database, {}, tmp_path) as house:
        yield house


def revision(database: Database) -> str:
    with psycopg.connect(database.url) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert row
    return str(row[0])


def make_newer(database: Database, oldest_code: str) -> None:
    """What a later release would leave of the tables' revision."""
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.execute(f"COMMENT ON TABLE alembic_version IS '{oldest_code}'".encode())


def said(house: House, program: str) -> str:
    return (house.logs / f"{program}.log").read_text(encoding="utf-8")


# ---------------------------------------------------------------------------- up


def test_two_apis_that_upgrade_at_once_both_serve(old: Database, tmp_path: Path) -> None:
    with psycopg.connect(old.superuser_url) as connection:
        connection.execute((STATES / "0001.sql").read_bytes())
    with running(old, {}, tmp_path) as house:
        ports = [free_port(), free_port()]
        for port in ports:
            with (tmp_path / f"api-{port}.log").open("wb") as log:
                house.processes[f"api-{port}"] = subprocess.Popen(
                    house.vsa("api", "--upgrade"),
                    env={**house.environment, "VSA_API_LISTEN": f"127.0.0.1:{port}"},
                    cwd=ROOT,
                    stderr=log,
                )
        ready = [f"http://127.0.0.1:{port}/api/readyz" for port in ports]
        wait_for("both are ready", lambda: all(map(house.answers, ready)))
        assert revision(old) == REVISIONS[-1]
        house.client.base_url = f"http://127.0.0.1:{ports[0]}"
        assert {node["name"] for node in house.items("/api/nodes")} == {"web-1", "web-2"}
        assert house.items("/api/containers")[0]["name"] == "nginx"
        assert house.items("/api/domains")[0]["state"]["endpoints"][0]["verdict"] == "ok"
        assert verify(house) is None
        assert [(tmp_path / f"api-{port}.log").read_bytes() for port in ports] == [b"", b""]


def test_programs_go_on_while_the_tables_move_under_them(
    database: Database, urls: dict[str, str], tmp_path: Path
) -> None:
    """The release before is not at hand, so this one is it: the tables get what a later one may add."""
    with running(database, {"VSA_SCRAPE_TIMEOUT": "1s"}, tmp_path) as house:
        house.start("api", "collector", "exporter")
        for name, url in urls.items():
            body = {"name": name, "docker_url": url}
            house.client.post("/api/nodes", json=body).raise_for_status()
        wait_for("all nodes are seen", lambda: all(last_seen(house).values()))
        with psycopg.connect(database.owner_url) as connection:
            connection.execute(LATER)
        goes_on(house)
        assert house.answers(house.exporter_url("/metrics/nodes/restless-1"))
        assert not breaches(database)
        assert [said(house, program) for program in ("api", "collector", "exporter")] == [""] * 3


# ---------------------------------------------------------------------------- and back


def test_this_release_runs_on_newer_tables_that_allow_it_and_says_so_once(
    house: House, database: Database
) -> None:
    make_newer(database, REVISIONS[-1])
    house.start("api", "collector", "exporter")
    wait_for("the collector is there", lambda: "collectors 1" in collectors(house))
    for program in ("api", "collector", "exporter"):
        (line,) = said(house, program).splitlines()
        assert f"{program} WARNING: the database is at revision 9999, newer than" in line


def collectors(house: House) -> str:
    return f"collectors {house.metrics().count('vsa_collector_start_time_seconds{')}"


def test_an_older_release_that_restarts_with_upgrade_leaves_newer_tables_alone(
    house: House, database: Database
) -> None:
    make_newer(database, REVISIONS[0])
    done = subprocess.run(
        house.vsa("db", "upgrade"), env=house.environment, cwd=ROOT, capture_output=True, check=True
    )
    assert b"newer than this version's" in done.stderr
    assert revision(database) == "9999"


@pytest.mark.parametrize("command", ["api", "api --upgrade", "collector", "exporter", "db upgrade"])
def test_tables_too_new_are_refused_in_one_line(
    house: House, database: Database, command: str
) -> None:
    make_newer(database, "9998")
    done = subprocess.run(
        house.vsa(*command.split()),
        env=house.environment,
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=30,
    )
    (line,) = done.stderr.decode().splitlines()
    assert "revision 9999" in line
    assert "start the newer version, or restore a backup" in line
    assert done.returncode == 2
