from __future__ import annotations

import json
import re

import psycopg
import pytest

from tests.cli.person import Home, Person
from tests.parts.postgres import Database, Server, empty_database

GONE = "forgotten\n"
NOTHING = dict.fromkeys(
    (
        *("day_tables", "day_bytes", "gaps", "event_counters"),
        *("served_certificates", "certificate_changes", "certificates"),
    ),
    0,
)


@pytest.fixture
def aged(database: Database) -> Database:
    """A database with three days of long ago."""
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("SELECT vsa_create_partitions('2001-01-30', 3)")
    return database


def old_days(database: Database) -> int:
    with psycopg.connect(database.owner_url) as connection:
        row = connection.execute("SELECT count(*) FROM pg_class WHERE relname ~ '_2001[0-9]{4}$'")
        ((number,),) = row.fetchall()
    return int(number)


def test_a_dry_run_says_what_would_go_and_keeps_it(person: Person, aged: Database) -> None:
    said = person.vsa("db", "prune", "--dry-run", VSA_DATABASE_URL=aged.url)
    assert said.code == 0, said.err
    assert re.match(r"Older than \d{4}-\d\d-\d\d 00:00 UTC:\n", said.out)
    assert re.search(r"past states and events +6 day tables, \d+\.\d KiB\n", said.out)
    assert "this was a dry run" in said.err
    assert old_days(aged) == 6


def test_a_script_is_not_asked(person: Person, aged: Database) -> None:
    said = person.vsa("db", "prune", VSA_DATABASE_URL=aged.url)
    assert (said.code, said.err, old_days(aged)) == (0, GONE, 0)
    said = person.vsa("db", "prune", VSA_DATABASE_URL=aged.url)
    assert (said.code, said.err) == (0, "there is nothing to forget\n")


@pytest.mark.parametrize(("answer", "code", "left"), [("n", 2, 6), ("y", 0, 0)])
def test_a_person_sees_what_would_go_and_is_asked(
    person: Person, aged: Database, answer: str, code: int, left: int
) -> None:
    settings = {"VSA_DATABASE_URL": aged.url}
    ended, shown = person.at_a_terminal("db", "prune", answer=answer, **settings)
    assert (ended, old_days(aged)) == (code, left), shown
    assert shown.index("6 day tables") < shown.index("[y/N]")


def test_days_that_are_being_read_stay_and_it_says_so(person: Person, aged: Database) -> None:
    with psycopg.connect(aged.url) as reader:
        reader.execute("SELECT FROM events")
        said = person.vsa("db", "prune", VSA_DATABASE_URL=aged.url)
    assert (said.code, old_days(aged)) == (3, 6)
    assert "the tables are in use" in said.err


def test_what_went_is_data_with_json(person: Person, aged: Database) -> None:
    gone = json.loads(person.vsa("db", "prune", "--json", VSA_DATABASE_URL=aged.url).out)
    assert gone.pop("kept_from").endswith("T00:00:00Z")
    assert gone.pop("day_bytes") > 0
    assert {**gone, "day_bytes": 0} == {**NOTHING, "day_tables": 6}


def test_the_embedded_database_is_found(home: Home) -> None:
    gone = json.loads(home.vsa("db", "prune", "--retention", "10y", "--json").out)
    assert gone.pop("kept_from")
    assert gone == NOTHING


@pytest.mark.parametrize("given", ["soon", "1h"])
def test_a_retention_that_is_none_names_the_option(person: Person, given: str) -> None:
    said = person.vsa("db", "prune", "--retention", given)
    assert said.code == 2
    assert said.err.startswith("vsa: --retention: must be")


def test_without_a_database_it_says_what_to_start(person: Person) -> None:
    said = person.vsa("db", "prune")
    assert said.code == 3
    assert "`vsa up` starts one" in said.err


def test_a_database_without_tables_names_the_command_that_makes_them(
    person: Person, server: Server
) -> None:
    with empty_database(server) as database:
        said = person.vsa("db", "prune", VSA_DATABASE_URL=database.url)
    assert said.code == 2
    assert "run: vsa db upgrade" in said.err
