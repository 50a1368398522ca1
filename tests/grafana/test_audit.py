"""What the audit page says, against what was done through the API."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.grafana.living import Living, make_living
from tests.parts.grafana import Raw, Value, expand, statement_of
from tests.parts.postgres import Database, Server, migrated_database

VIEWS = "SELECT viewname FROM pg_views WHERE schemaname = 'dashboard' ORDER BY 1"


@pytest.fixture(scope="module")
def own_database(server: Server) -> Iterator[Database]:
    with migrated_database(server) as database:
        yield database


@pytest.fixture(scope="module")
def living(own_database: Database) -> Living:
    return make_living(own_database.url)


def ask(database: Database, living: Living, title: str, **values: Value) -> list[dict[str, Any]]:
    """The rows of a panel under these filters."""
    everything: dict[str, Value | Raw] = {"actor": Raw(".*"), "action": Raw(".*")}
    filters = everything | {"target": "", "search": ""} | values
    statement = expand(statement_of("vsa-audit", title), filters, living.span)
    with psycopg.connect(database.dashboard_url, row_factory=dict_row) as session:
        return session.execute(statement.encode()).fetchall()


def test_no_view_shows_a_secret(own_database: Database, living: Living) -> None:
    with psycopg.connect(own_database.dashboard_url) as session:
        views = [row[0] for row in session.execute(VIEWS).fetchall()]
        shown = "\n".join(
            str(row[0])
            for view in views
            for row in session.execute(f"SELECT v::text FROM dashboard.{view} AS v".encode())
        )
    assert "token.create" in shown
    for secret in living.secrets:
        assert secret not in shown
        assert sha256(secret.encode()).hexdigest() not in shown


def test_a_change_reads_as_before_and_after(own_database: Database, living: Living) -> None:
    (row,) = ask(own_database, living, "Who changed what", action=["node.update"])
    assert row["Changes"] == r'labels: {} → {"say": "\"hi\"", "role": "web"}'
    assert (row["Actor"], row["Target"], row["Result"]) == ("admin", "node/web-1", "ok")


def test_the_newest_stands_first_and_domains_have_a_name(
    own_database: Database, living: Living
) -> None:
    rows = ask(own_database, living, "Who changed what")
    assert [row["#"] for row in rows] == list(range(len(rows), 0, -1))
    names = [row["Name"] for row in rows if row["Action"] == "domain.create"]
    assert names[-1] == "shop.example:443"


FILTERS: list[tuple[dict[str, Value], set[str]]] = [
    ({"actor": ["test"]}, {"token/admin"}),
    ({"action": ["node.delete", "token.revoke"]}, {"node/old", "token/reader"}),
    ({"target": "node/old"}, {"node/old"}),
    ({"target": "node/ol"}, set()),
    ({"search": "REVOKE"}, {"token/reader"}),
    ({"search": r"\"hi\""}, {"node/web-1"}),
    ({"search": "it's % nothing"}, set()),
    ({"actor": ["admin"], "search": "mail.EXAMPLE"}, {"domain/2"}),
]


@pytest.mark.parametrize(("filters", "targets"), FILTERS)
def test_filters_hold_together(
    filters: dict[str, Value], targets: set[str], own_database: Database, living: Living
) -> None:
    rows = ask(own_database, living, "Who changed what", **filters)
    assert {row["Target"] for row in rows} == targets
    assert ask(own_database, living, "Entries", **filters) == [{"count": len(rows)}]


def test_refused_attempts_tell_who_and_on_what(own_database: Database, living: Living) -> None:
    rows = ask(own_database, living, "Refused attempts")
    assert {(row["Actor"], row["On"], row["Attempts"]) for row in rows} == {
        ("reader", "DELETE /api/nodes/web-1", 1),
        ("unknown", "DELETE /api/nodes/web-1", 1),
    }


def test_an_entry_that_was_removed_leaves_a_missing_number(
    own_database: Database, living: Living
) -> None:
    assert missing(own_database, living) == 0
    with psycopg.connect(own_database.superuser_url) as session:
        session.execute("SET session_replication_role = replica")  # past the triggers
        session.execute("DELETE FROM audit_logs WHERE id = 3")
    assert missing(own_database, living) == 1


def missing(database: Database, living: Living) -> int:
    (row,) = ask(database, living, "Missing")
    (number,) = row.values()
    return int(number)
