from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cli.answers import Domain, DomainState, Endpoint
from cli.lines import domain_lines
from registry.facts.domains import Fault, Verdict
from registry.facts.outcomes import Failure, FailureReason

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
GOOD = Endpoint(
    address="192.0.2.1",
    port=443,
    last_attempt_at=AT,
    last_success_at=AT,
    failure=None,
    verdict=Verdict.OK,
    faults=[],
    fingerprint="aa",
    not_before=AT - timedelta(days=30),
    not_after=AT + timedelta(days=60),
    tls_version="TLSv1.3",
)


def lines_of(*endpoints: Endpoint) -> list[tuple[bool, list[str]]]:
    state = DomainState(AT, AT, None, 0, list(endpoints))
    domain = Domain(7, "d.test", 443, "none", "x.test", None, None, {}, True, None, AT, state)
    return [(line.is_well, [str(cell) for cell in line.cells]) for line in domain_lines(domain, AT)]


def at_address(endpoint: Endpoint, address: str, **changes: object) -> Endpoint:
    values = {name: getattr(endpoint, name) for name in Endpoint.__struct_fields__}
    return Endpoint(**{**values, "address": address, **changes})


def test_addresses_that_show_the_same_are_one_line() -> None:
    life = "60 days left, 67%"
    title = "d.test:443 as x.test"
    assert lines_of(GOOD, at_address(GOOD, "192.0.2.2")) == [
        (True, ["7", title, "ok", life, "2 addresses", ""])
    ]


def test_addresses_that_disagree_have_a_line_each() -> None:
    fault = Fault(Verdict.SELF_SIGNED, "signed itself")
    bad = at_address(
        GOOD, "192.0.2.2", verdict=Verdict.SELF_SIGNED, faults=[fault], fingerprint="bb"
    )
    gone = at_address(GOOD, "192.0.2.3", failure=Failure(FailureReason.REFUSED, "no"))
    lines = lines_of(GOOD, bad, gone)
    assert [line[0] for line in lines] == [True, False, False]
    assert [line[1][2] for line in lines] == ["ok", "self signed", "refused"]
    assert [line[1][5] for line in lines] == ["", "signed itself", "no"]
