from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from cli.answers import Change, Restart, Unknown
from cli.node_history import _change, _restart, _why
from tests.cli.person import Home

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def local(home: Home) -> str:
    """The name under which `vsa up` watches the local engine."""
    return str(home.rest("GET", "/nodes").json()["items"][0]["name"])


def text(cells: tuple[object, ...]) -> list[str]:
    return list(map(str, cells))


# ---------------------------------------------------------------------------- on a real installation


def test_a_node_is_shown_as_it_is_now_and_as_it_was_before_it_was_seen(
    home: Home, local: str
) -> None:
    now = home.vsa("node", "show", local, "--at", "1ms")
    assert now.code == 0, now.err
    assert re.search(r"migrate +exited 3 +busy:1", now.out)
    before = home.vsa("node", "show", local, "--at", "1h")
    assert "unknown: it was not seen yet until" in before.out


def test_changes_of_the_last_day_are_listed_and_are_data_with_json(home: Home, local: str) -> None:
    said = home.vsa("node", "changes", local)
    assert said.code == 0, said.err
    assert said.out.count("first seen") == 3
    document = json.loads(home.vsa("node", "changes", local, "--json").out)
    assert [line["change"] for line in document["items"]] == ["first_seen"] * 3


def test_nothing_in_a_window_is_said_in_words(home: Home, local: str) -> None:
    said = home.vsa("node", "changes", local, "--since", "2h", "--until", "1h")
    assert said.out == f"Nothing changed on {local} in that time.\n"
    said = home.vsa("node", "restarts", local, "nobody")
    assert said.out == f"No container of {local} died in that time.\n"


@pytest.mark.parametrize("command", [["changes"], ["restarts"], ["show", "--at", "1h"]])
def test_an_unknown_node_is_refused_by_name(home: Home, command: list[str]) -> None:
    said = home.vsa("node", command[0], "nobody", *command[1:])
    assert (said.code, said.err) == (2, "vsa: there is no node nobody\n")


def test_a_time_that_is_none_names_the_field(home: Home, local: str) -> None:
    said = home.vsa("node", "changes", local, "--since", "yesterday")
    assert said.code == 2
    assert "since" in said.err


# ---------------------------------------------------------------------------- the words


def test_a_change_tells_each_fact_before_and_after() -> None:
    fields: dict[str, tuple[object, object]] = {
        "state": ("running", "exited"),
        "exit_code": (None, 137),
        "labels": ({}, {"a": "1"}),
    }
    line = Change(AT, "changed", "web", "nginx:1.27", fields, None, None)
    assert text(_change(line)) == [
        "2026-11-23 12:00:00 UTC",
        "changed",
        "web",
        "state running → exited, exit code none → 137, labels changed",
    ]


def test_a_gap_tells_why_and_how_long() -> None:
    line = Change(AT, "not_seen", None, None, {}, "host_key", AT + timedelta(minutes=5))
    assert text(_change(line))[1:] == ["not seen", "", "host key, until 2026-11-23 12:05:00 UTC"]
    line = Change(AT, "events_lost", None, None, {}, "lost", None)
    assert text(_change(line))[3] == "lost, still"


@pytest.mark.parametrize(
    ("exit_code", "oom", "unseen", "back", "told"),
    [
        (137, True, 0, AT, ["2026-11-23 12:00:00 UTC", "137, out of memory", "2026-11-23 12:00:00 UTC"]),
        (1, False, 0, None, ["2026-11-23 12:00:00 UTC", "1", "no"]),
        (None, False, 3, AT, ["3 times before 2026-11-23 12:00:00 UTC", "unknown: events were lost", "2026-11-23 12:00:00 UTC"]),
        (1, False, 1, None, ["1 time before 2026-11-23 12:00:00 UTC", "1 the last time", "no"]),
    ],
)  # fmt: skip
def test_a_death_tells_its_code_and_the_return(
    exit_code: int | None, oom: bool, unseen: int, back: datetime | None, told: list[str]
) -> None:
    died = None if unseen else AT
    line = Restart(AT, "web", "nginx", died, exit_code, oom, back, unseen)
    cells = text(_restart(line))
    assert [cells[0], cells[2], cells[3]] == told


@pytest.mark.parametrize(
    ("unknown", "words"),
    [
        (
            Unknown("not_kept", None, AT),
            "what was seen then is no longer kept (VSA_RETENTION) until",
        ),
        (Unknown("refused", AT, None), "it did not answer (refused) from 2026-11-23 12:00:00 UTC"),
        (Unknown("not_asked", AT, AT), "no collector asked it from"),
    ],
)
def test_what_nobody_knows_is_told_with_its_reason(unknown: Unknown, words: str) -> None:
    assert _why(unknown).startswith(words)
