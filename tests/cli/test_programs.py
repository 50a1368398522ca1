from __future__ import annotations

import subprocess
from pathlib import Path

import httpx
import pytest

from tests.cli.person import VSA, Home, Person, wait_gone
from tests.end_to_end.house import wait_for
from tests.parts.ports import free_port
from tests.parts.postgres import Database, short_folder


def settings_of(database: Database) -> dict[str, str]:
    return {
        "VSA_DATABASE_URL": database.url,
        "VSA_MIGRATION_DATABASE_URL": database.owner_url,
        "VSA_API_LISTEN": f"127.0.0.1:{free_port()}",
        "VSA_EXPORTER_LISTEN": f"127.0.0.1:{free_port()}",
    }


def test_a_database_is_brought_to_this_version_as_often_as_asked(
    person: Person, database: Database
) -> None:
    for _ in range(2):
        said = person.vsa("db", "upgrade", **settings_of(database))
        assert (said.code, said.out) == (0, ""), said.err


def test_the_tables_are_taken_back_when_the_person_means_it(
    person: Person, database: Database
) -> None:
    settings = settings_of(database)
    said = person.vsa("db", "downgrade", "0001", **settings)
    assert said.code == 2
    assert "needs --yes where nobody can be asked" in said.err
    said = person.vsa("db", "downgrade", "0001", "--yes", **settings)
    assert (said.code, said.err) == (0, "the tables are at revision 0001\n")


def test_a_revision_that_there_is_none_of_is_refused(person: Person, database: Database) -> None:
    said = person.vsa("db", "downgrade", "base", "--yes", **settings_of(database))
    assert said.code == 2
    assert "REVISION: must be one of 0001, " in said.err


def test_the_embedded_database_is_upgraded_and_left_stopped() -> None:
    with short_folder("vsa-db-") as folder:
        home = Home(folder)
        said = home.vsa("db", "upgrade")
        assert said.code == 0, said.err
        wait_gone(home)


@pytest.mark.parametrize("program", ["api", "collector", "exporter"])
def test_without_a_database_a_program_says_how_to_get_one(person: Person, program: str) -> None:
    ports = {f"VSA_{name}_LISTEN": f"127.0.0.1:{free_port()}" for name in ("API", "EXPORTER")}
    said = person.vsa(program, **ports)
    assert said.code == 3
    assert "`vsa up` starts one; or set VSA_DATABASE_URL" in said.err


def test_the_api_refuses_to_start_without_any_token(person: Person, database: Database) -> None:
    said = person.vsa("api", **settings_of(database))
    assert said.code == 2
    assert "there is no API token yet" in said.err


def test_a_database_that_does_not_answer_exits_with_3(person: Person, tmp_path: Path) -> None:
    said = person.vsa(
        "api",
        VSA_DATABASE_URL=f"postgresql://vsa@/vsa?host={tmp_path}",
        VSA_API_LISTEN=f"127.0.0.1:{free_port()}",
    )
    assert said.code == 3
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(("program", "setting"), [("api", "API"), ("exporter", "EXPORTER")])
def test_a_port_in_use_names_the_setting(home: Home, program: str, setting: str) -> None:
    said = home.vsa(program)
    assert said.code == 2
    assert f"is in use by another program; set VSA_{setting}_LISTEN" in said.err


def test_without_a_collector_a_node_is_added_with_a_warning(
    person: Person, database: Database
) -> None:
    token = {"VSA_API_TOKEN": "a-token-of-this-test"}
    settings = {**settings_of(database), **token, "VSA_SCRAPE_TIMEOUT": "100ms"}
    with subprocess.Popen([*VSA, "api"], env={**person.environment, **settings}) as api:
        ready = f"http://{settings['VSA_API_LISTEN']}/api/readyz"
        wait_for("the API is ready", lambda: answers(ready))
        said = person.vsa("node", "add", "alone", "unix:///x", **settings)
        api.terminate()
    assert said.code == 0
    assert "not asked yet" in said.out
    assert "No collector answered" in said.err


def answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("program", ["collector", "exporter"])
def test_a_supervised_program_ends_with_its_supervisor(
    person: Person, database: Database, program: str
) -> None:
    environment = {**person.environment, **settings_of(database)}
    running = subprocess.Popen(
        [*VSA, program, "--supervised"], env=environment, stdin=subprocess.PIPE
    )
    assert running.stdin
    running.stdin.close()
    assert running.wait(timeout=30) in {0, -15}
