from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from registry.certificate_changes import Compared, changes_of
from registry.facts.domains import CertificateChange
from tests.registry.targets import NOW

DAY = timedelta(days=1)
BEFORE = Compared("CN=R10,O=Let's Encrypt,C=US", ("example.org",), NOW, NOW + 90 * DAY)
AFTER = replace(BEFORE, not_before=NOW + 60 * DAY, not_after=NOW + 150 * DAY)


def kinds(before: Compared, after: Compared) -> list[str]:
    return [told.change.value for told in changes_of(before, after)]


def test_one_that_begins_later_is_a_renewal() -> None:
    (told,) = changes_of(BEFORE, AFTER)
    assert told.change is CertificateChange.RENEWED
    assert told.detail == "ends 2027-04-22, the one before 2027-02-21"


def test_one_that_begins_earlier_is_an_old_one() -> None:
    assert kinds(AFTER, BEFORE) == ["rolled_back"]


def test_one_of_the_same_dates_is_issued_again() -> None:
    assert kinds(BEFORE, BEFORE) == ["renewed"]


def test_another_intermediate_of_the_same_organisation_is_no_other_issuer() -> None:
    assert kinds(BEFORE, replace(AFTER, issuer="CN=E7,O=Let's Encrypt,C=US")) == ["renewed"]


def test_another_organisation_is() -> None:
    told = changes_of(BEFORE, replace(AFTER, issuer="CN=GTS,O=Google"))
    assert told[1].change is CertificateChange.ISSUER_CHANGED
    assert told[1].detail == "from Let's Encrypt to Google"


@pytest.mark.parametrize(
    ("names", "lost"),
    [
        (("www.example.org",), "lost example.org"),
        (("EXAMPLE.org",), None),
        (("*.org",), None),
        ((), "lost example.org"),
    ],
)
def test_a_name_that_no_name_covers_any_more_is_lost(
    names: tuple[str, ...], lost: str | None
) -> None:
    told = changes_of(BEFORE, replace(AFTER, sans=names))
    assert [one.detail for one in told[1:]] == ([lost] if lost else [])


def test_many_lost_names_are_counted() -> None:
    many = replace(BEFORE, sans=tuple(f"n{n}.example.org" for n in range(9)))
    assert changes_of(many, AFTER)[1].detail.endswith("n4.example.org and 4 more")


def test_dates_that_cannot_be_read_tell_nothing_of_before_and_after() -> None:
    assert kinds(BEFORE, replace(AFTER, not_after=None)) == ["renewed"]
