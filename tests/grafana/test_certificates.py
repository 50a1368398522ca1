"""What the certificates' page says, against what was seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from cli.life import Life
from grafana import advice
from registry.facts.domains import DomainFacts, Fault, Verdict
from registry.facts.outcomes import Failure, FailureReason
from registry.session import make_engine
from tests.grafana.living import Outcome, add_beside_the_wire, issued, look_at, shown
from tests.parts.grafana import Range, Raw, Value, dashboards, expand, statement_of
from tests.parts.postgres import Database
from tests.registry.targets import NOW, later, refused

DAY = timedelta(days=1)
DNS = Failure(FailureReason.DNS, "no such name")


def one(name: str, begins: float, ends: float, *faults: Fault) -> DomainFacts:
    return DomainFacts((shown(issued(name, NOW, begins, ends), "192.0.2.1", *faults),))


async def page(
    database: Database, title: str, seen: dict[str, Outcome], **values: Value
) -> list[dict[str, Any]]:
    """The rows of a table of the page, after one look at these domains."""
    await look_at(database.url, NOW, seen)
    return ask(database, title, **values)


def ask(database: Database, title: str, **values: Value) -> list[dict[str, Any]]:
    wanted: dict[str, Value | Raw] = {"domain": Raw(".*"), **values}
    span = Range(NOW - 30 * DAY, NOW)
    statement = expand(statement_of("vsa-certificates", title), wanted, span)
    with psycopg.connect(database.dashboard_url, row_factory=dict_row) as session:
        return session.execute(statement.encode()).fetchall()


LIVES = {  # days of life, days left
    (6, 3): "ok",
    (6, 1.9): "overdue",
    (6, 1.4): "urgent",
    (45, 16): "ok",
    (45, 14): "overdue",
    (90, 31): "ok",
    (90, 29): "due",
    (90, 20): "overdue",
    (90, 6): "urgent",
    (90, -1): "ended",
    (200, 70): "ok",
    (200, 60): "due",
    (200, 20): "overdue",
}


async def test_renewal_is_judged_in_units_of_life(database: Database) -> None:
    seen: dict[str, Outcome] = {
        f"d{life}-{left}.example": one("x.example", left - life, left) for life, left in LIVES
    }
    rows = await page(database, "What ends when", seen)
    judged = {row["Domain"]: row["Renewal"] for row in rows}
    assert judged == dict(zip(seen, LIVES.values(), strict=True))


async def test_the_first_page_counts_the_same_as_overdue(database: Database) -> None:
    seen: dict[str, Outcome] = {
        f"d{life}-{left}.example": one("x.example", left - life, left) for life, left in LIVES
    }
    await look_at(database.url, NOW, seen)
    overdue = [row["count"] for row in ask(database, "Overdue")]
    statement = expand(statement_of("vsa-home", "Bad domains"), {}, Range(NOW - DAY, NOW))
    with psycopg.connect(database.dashboard_url) as session:
        bad = [row[0] for row in session.execute(statement.encode())]
    assert overdue == bad == [sum(word not in {"ok", "due"} for word in LIVES.values())]


@pytest.mark.parametrize(("days", "renewal"), LIVES.items())
def test_the_command_line_judges_alike(days: tuple[float, float], renewal: str) -> None:
    life, left = days
    judged = Life(NOW - (life - left) * DAY, NOW + left * DAY, NOW)
    assert judged.is_due == (renewal in {"overdue", "urgent", "ended"})
    assert judged.presses == (renewal in {"urgent", "ended"})


async def test_the_least_life_left_comes_first(database: Database) -> None:
    seen: dict[str, Outcome] = {
        "long.example": one("long.example", -190, 10),
        "over.example": one("over.example", -90, -1),
        "short.example": one("short.example", -3, 3),
    }
    rows = await page(database, "What ends when", seen)
    assert [row["Domain"] for row in rows] == ["over.example", "long.example", "short.example"]
    assert [float(row["Life left"]) for row in rows] == [0, 0.05, 0.5]
    assert [float(row["Left"]) for row in rows] == [-1, 10, 3]


async def test_addresses_of_one_certificate_are_one_row_with_the_worst_verdict(
    database: Database,
) -> None:
    leaf, weak = issued("a.example", NOW, -1, 89), Fault(Verdict.WEAK, "TLS 1.0")
    looks = DomainFacts((shown(leaf, "192.0.2.2", weak), shown(leaf, "192.0.2.1")))
    (row,) = await page(database, "What ends when", {"a.example": looks})
    assert (row["Verdict"], row["Addresses"]) == ("weak", "192.0.2.1, 192.0.2.2")
    assert row["Issued by"] == 'Let\'s "Encrypt", Inc'


async def test_a_bad_verdict_says_what_it_means_and_what_to_do(database: Database) -> None:
    fault = Fault(Verdict.INCOMPLETE_CHAIN, "the issuer CN=R11 was not sent")
    seen: dict[str, Outcome] = {
        "a.example": one("a.example", -1, 89, fault),
        "b.example": one("b.example", -1, 89),
    }
    (row,) = await page(database, "Verdicts that are not ok", seen)
    assert (row["Domain"], row["What to do"]) == ("a.example", "Serve fullchain.pem, not cert.pem")
    assert row["In detail"] == fault.detail


async def test_what_does_not_answer_is_told_once_with_the_last_answer(database: Database) -> None:
    seen: dict[str, Outcome] = {
        "gone.example": DNS,
        "half.example": DomainFacts((shown(issued("h", NOW, -1, 9), "::1"), refused("192.0.2.9"))),
        "dead.example": DomainFacts((refused("192.0.2.8"),)),
    }
    rows = await page(database, "Addresses that do not answer", seen)
    told = [(row["Domain"], row["Address"], row["Reason"], row["Last answer"]) for row in rows]
    assert told == [
        ("dead.example", "192.0.2.8", "refused", None),
        ("gone.example", "", "dns", None),
        ("half.example", "192.0.2.9", "refused", None),
    ]


async def test_a_name_that_stopped_resolving_keeps_its_certificate(database: Database) -> None:
    await look_at(database.url, NOW, {"a.example": one("a.example", -1, 89)})
    await look_at(database.url, later(7200), {"a.example": DNS})
    (row,) = ask(database, "Addresses that do not answer")
    assert (row["Reason"], row["Last answer"]) == ("dns", NOW)
    assert len(ask(database, "What ends when")) == 1


async def test_different_certificates_of_one_domain_are_shown(database: Database) -> None:
    old, new = issued("a.example", NOW, -80, 10), issued("a.example", NOW, -1, 89)
    seen: dict[str, Outcome] = {
        "a.example": DomainFacts((shown(new, "192.0.2.1"), shown(old, "192.0.2.2"))),
        "b.example": one("b.example", -1, 89),
    }
    rows = await page(database, "One domain, different certificates", seen)
    assert [(row["Addresses"], row["Left"]) for row in rows] == [
        ("192.0.2.2", 10),
        ("192.0.2.1", 89),
    ]


async def test_a_chain_that_ends_first_is_shown(database: Database) -> None:
    leaf = issued("a.example", NOW, -1, 89)
    early = DomainFacts((shown(leaf, "192.0.2.1", chain_ends=NOW + 5 * DAY),))
    seen: dict[str, Outcome] = {"a.example": early, "b.example": one("b.example", -1, 89)}
    (row,) = await page(database, "Chains that end first", seen)
    assert (row["Domain"], row["Chain ends"]) == ("a.example", NOW + 5 * DAY)


async def test_a_renewal_is_one_once_nobody_serves_the_former(database: Database) -> None:
    former, new = issued("a.example", NOW, -60, 30), issued("a.example", NOW, 0, 90)
    new = replace(new, key_type="RSA", key_bits=2048)
    both = DomainFacts((shown(former, "192.0.2.1"), shown(new, "192.0.2.2")))
    half_way, done = NOW - 4 * DAY, NOW - 3 * DAY
    await look_at(database.url, NOW - 9 * DAY, {"a.example": DomainFacts((shown(former, "::1"),))})
    await look_at(database.url, half_way, {"a.example": both})
    assert ask(database, "Renewals seen") == []
    await look_at(database.url, done, {"a.example": DomainFacts((shown(new, "192.0.2.1"),))})
    (row,) = ask(database, "Renewals seen")
    assert (row["Names"], row["Seen"], row["Changed too"]) == ("a.example", half_way, "kind of key")
    assert float(row["Life left"]) == pytest.approx(34 / 90)


async def beside_the_wire(database: Database, seen: dict[str, Outcome]) -> None:
    await look_at(database.url, NOW, seen)
    engine = make_engine(database.url, program="test")
    async with engine.begin() as tx:
        await add_beside_the_wire(tx, NOW - DAY)
    await engine.dispose()


async def test_files_show_what_cannot_be_read_first_then_the_least_life_left(
    database: Database,
) -> None:
    await beside_the_wire(
        database, {"a.example": one("a.example", -1, 89), "b.example": one("b.example", -80, 10)}
    )
    rows = ask(database, "Files and uploads")
    assert [(row["Names"], row["Left"], row["Served by"]) for row in rows] == [
        ("it holds no certificate", None, ""),
        ("b.example", 10, "b.example:443"),
        ("a.example", 89, "a.example:443"),
    ]
    assert [row["Life left"] is None for row in rows] == [True, False, False]
    chosen = ask(database, "Files and uploads", domain=["a.example"])
    assert [row["Names"] for row in chosen] == ["it holds no certificate", "a.example"]


async def test_changes_are_listed_and_mark_the_charts(database: Database) -> None:
    await beside_the_wire(
        database, {"a.example": one("a.example", -1, 89), "b.example": one("b.example", -1, 89)}
    )
    (row,) = [
        row
        for row in ask(database, "Changes seen", domain=["a.example"])
        if row["Change"] == "issuer changed"
    ]
    assert (row["Domain"], row["Seen"]) == ("a.example", NOW - DAY)
    assert row["In detail"] == "from ZeroSSL to R11"
    marks = next(board for board in dashboards() if board["uid"] == "vsa-certificates")
    (mark,) = marks["annotations"]["list"]
    statement = expand(
        mark["target"]["rawSql"], {"domain": ["b.example"]}, Range(NOW - 30 * DAY, NOW)
    )
    with psycopg.connect(database.dashboard_url, row_factory=dict_row) as session:
        marked = session.execute(statement.encode()).fetchall()
    assert {
        "time": NOW - DAY,
        "title": "issuer changed",
        "text": "b.example: from ZeroSSL to R11",
        "tags": "issuer_changed",
    } in marked


async def test_the_picker_chooses_domains_everywhere(database: Database) -> None:
    seen: dict[str, Outcome] = {
        name: one(name, -80, 1, Fault(Verdict.WEAK, "SHA-1"))
        for name in ("a.example", "b.example", "axexample")
    }
    await look_at(database.url, NOW, seen)
    for title in ("What ends when", "Verdicts that are not ok"):
        rows = ask(database, title, domain=["a.example"])
        assert [row["Domain"] for row in rows] == ["a.example"]
    (row,) = ask(database, "All certificates", domain=["b.example"])
    assert row["Served by"] == "b.example:443"
    assert [
        row["count"] for row in ask(database, "Bad verdicts", domain=["a.example", "b.example"])
    ] == [2]


async def test_a_domain_that_is_disabled_is_left_out(database: Database) -> None:
    await look_at(database.url, NOW, {"a.example": one("a.example", -80, 1)})
    with psycopg.connect(database.url) as session:
        session.execute("UPDATE domains SET enabled = false")
    assert ask(database, "What ends when") == []


def test_there_is_advice_for_every_verdict_in_the_order_of_pressure() -> None:
    assert list(advice.VERDICTS) == [verdict.value for verdict in Verdict]


def test_advice_is_for_failures_that_there_are() -> None:
    assert advice.FAILURES.keys() <= {reason.value for reason in FailureReason}
