"""Every statement of every dashboard, as Grafana sends it: by its own role, on a real database."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
import pytest
from psycopg.postgres import types
from psycopg.rows import tuple_row

from tests.grafana.living import STRANGE, Living, make_living
from tests.parts.grafana import Range, Raw, Value, asked, choose, dashboards, expand
from tests.parts.postgres import Database, Server, migrated_database

Session = psycopg.Connection[tuple[Any, ...]]
BOARDS = {board["uid"]: board for board in dashboards()}
# Grafana shows neither arrays nor intervals.
SHOWN = {
    types[name].oid for name in ("text", "bool", "int4", "int8", "float8", "numeric", "timestamptz")
}
CLOCK = re.compile(r"\b(now|clock_timestamp|statement_timestamp|timeofday)\s*\(|\bcurrent_|\blocal")


@pytest.fixture(scope="module")
def living_database(server: Server) -> Iterator[Database]:
    with migrated_database(server) as database:
        yield database


@pytest.fixture(scope="module")
def living(living_database: Database) -> Living:
    return make_living(living_database.url)


@pytest.fixture
def grafana(living_database: Database, living: Living) -> Iterator[Session]:
    """A session of Grafana's role on the installation with a history."""
    with connect(living_database) as session:
        yield session


def connect(database: Database) -> Session:
    return psycopg.connect(database.dashboard_url, autocommit=True, row_factory=tuple_row)


def fetch(session: Session, statement: str) -> list[tuple[Any, ...]]:
    return session.execute(statement.encode()).fetchall()


def chosen(session: Session, board: Mapping[str, Any], span: Range) -> dict[str, Value | Raw]:
    return choose(board, lambda query: [str(row[0]) for row in fetch(session, query)], span)


def answers(session: Session, uid: str, span: Range) -> dict[str, int]:
    """How many rows each statement of a dashboard gives when it is opened."""
    values = chosen(session, BOARDS[uid], span)
    return {
        str(each): len(fetch(session, expand(each.statement, values, span)))
        for each in asked(BOARDS[uid])
    }


@pytest.mark.parametrize("uid", BOARDS)
def test_every_statement_answers_on_an_empty_installation(
    uid: str, database: Database, living: Living
) -> None:
    with connect(database) as session:
        answers(session, uid, living.span)


@pytest.mark.parametrize("uid", BOARDS)
def test_every_statement_finds_something_where_something_happened(
    uid: str, grafana: Session, living: Living
) -> None:
    empty = {place for place, rows in answers(grafana, uid, living.span).items() if not rows}
    assert not empty


@pytest.mark.parametrize("uid", BOARDS)
@pytest.mark.parametrize("number", [1, 2])
def test_a_strange_name_stays_a_name(
    uid: str, number: int, grafana: Session, living: Living
) -> None:
    opened = chosen(grafana, BOARDS[uid], living.span)
    strange = {
        name: [STRANGE] * number if isinstance(value, Raw) else STRANGE
        for name, value in opened.items()
    }
    for each in asked(BOARDS[uid]):
        fetch(grafana, expand(each.statement, strange, living.span))


@pytest.mark.parametrize("names", [[STRANGE], [STRANGE, "nobody"]])
def test_a_strange_name_is_found(names: list[str], grafana: Session, living: Living) -> None:
    condition = r"name ~ $$^(${container:regex})\Z$$"
    statement = f"SELECT DISTINCT name FROM dashboard.containers WHERE {condition}"
    assert fetch(grafana, expand(statement, {"container": names}, living.span)) == [(STRANGE,)]


@pytest.mark.parametrize("uid", BOARDS)
def test_every_column_is_one_that_a_panel_can_show(
    uid: str, grafana: Session, living: Living
) -> None:
    values = chosen(grafana, BOARDS[uid], living.span)
    strange = {}
    for each in asked(BOARDS[uid]):
        cursor = grafana.execute(expand(each.statement, values, living.span).encode())
        for column in cursor.description or ():
            if column.type_code not in SHOWN:
                strange[f"{each}: {column.name}"] = column.type_display
    assert not strange


@pytest.mark.parametrize("uid", BOARDS)
def test_no_statement_reads_the_clock(uid: str) -> None:
    """A page that looks at last Monday shows last Monday."""
    assert not [str(each) for each in asked(BOARDS[uid]) if CLOCK.search(each.statement.lower())]


@pytest.mark.parametrize("unquoted", ["$container", "${container}", "'${container:regex}'"])
def test_a_name_that_could_break_out_is_refused_here(unquoted: str, living: Living) -> None:
    with pytest.raises(ValueError, match="break out"):
        expand(f"SELECT {unquoted}", {"container": STRANGE}, living.span)
