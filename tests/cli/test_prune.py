from __future__ import annotations

import json
import re

import pytest

from tests.cli.person import Home, Person


def test_a_dry_run_says_what_would_go_and_keeps_it(home: Home) -> None:
    said = home.vsa("db", "prune", "--dry-run")
    assert said.code == 0, said.err
    assert re.match(r"Older than \d{4}-\d\d-\d\d 00:00 UTC:\n", said.out)
    assert "0 day tables" in said.out
    assert "this was a dry run" in said.err


def test_what_went_is_data_with_json(home: Home) -> None:
    gone = json.loads(home.vsa("db", "prune", "--retention", "10y", "--json").out)
    assert gone.pop("kept_from").endswith("T00:00:00Z")
    assert gone == {"day_tables": 0, "gaps": 0, "event_counters": 0, "certificates": 0}


@pytest.mark.parametrize("given", ["soon", "1h"])
def test_a_retention_that_is_none_names_the_option(home: Home, given: str) -> None:
    said = home.vsa("db", "prune", "--retention", given)
    assert said.code == 2
    assert said.err.startswith("vsa: --retention: must be")


def test_without_a_database_it_says_what_to_start(person: Person) -> None:
    said = person.vsa("db", "prune")
    assert said.code == 3
    assert "`vsa up` starts one" in said.err
