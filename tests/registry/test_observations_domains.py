from __future__ import annotations

from registry.facts.domains import DomainFacts
from registry.facts.outcomes import Failure, FailureReason
from registry.observations import DomainResult, Recorded, Recorder
from registry.schedule import claim_domains
from registry.session import Connection
from registry.ticks import next_due
from tests.registry.targets import (
    DEFAULTS,
    NOW,
    add_domain,
    certificate,
    dump,
    endpoint,
    fetch,
    later,
    look,
    refused,
    value,
)


async def test_a_domain_that_answers_is_stored_with_its_certificate(tx: Connection) -> None:
    domain_id = await add_domain(tx)
    assert await look(tx, endpoint("192.0.2.1"), refused("192.0.2.2")) == Recorded(1, frozenset())
    state = "SELECT last_success_at, failure_reason, probes_total, failures_total FROM domain_state"
    assert await fetch(tx, state) == [(NOW, None, 1, 0)]
    rows = await fetch(tx, "SELECT address, fingerprint, failure_reason FROM endpoints ORDER BY 1")
    assert rows == [
        ("192.0.2.1", certificate().fingerprint, None),
        ("192.0.2.2", None, "refused"),
    ]
    due = await value(tx, "SELECT next_due_at FROM schedule")
    assert due == next_due(NOW, 3600, f"domain/{domain_id}")


async def test_a_domain_of_which_no_address_answers_fails(tx: Connection) -> None:
    await add_domain(tx)
    await look(tx, refused("192.0.2.1"), refused("192.0.2.2"))
    state = "SELECT last_success_at, failure_reason, consecutive_failures FROM domain_state"
    assert await fetch(tx, state) == [(None, "refused", 1)]


async def test_endpoints_stay_when_the_name_does_not_resolve(tx: Connection) -> None:
    await add_domain(tx)
    await look(tx, endpoint())
    before = (await dump(tx))["endpoints"]
    await look(tx, failure=Failure(FailureReason.DNS, "no such name"), at=later(60))
    assert (await dump(tx))["endpoints"] == before
    state = "SELECT last_success_at, failure_reason, failure_detail FROM domain_state"
    assert await fetch(tx, state) == [(NOW, "dns", "no such name")]


async def test_looks_at_one_moment_still_tell_which_is_newer(tx: Connection) -> None:
    await add_domain(tx)
    await look(tx, endpoint("192.0.2.1"))
    await look(tx, endpoint("192.0.2.2"))
    assert await fetch(tx, "SELECT address FROM endpoints") == [("192.0.2.2",)]


async def test_a_domains_stale_result_is_discarded(tx: Connection) -> None:
    recorder = Recorder()
    domain_id = await add_domain(tx)
    await add_domain(tx, "fresh.example")
    slow = await claim_domains(tx, NOW, 2, DEFAULTS)
    await fetch(
        tx, "UPDATE schedule SET lease_token = NULL WHERE domain_id = :id RETURNING 1", id=domain_id
    )
    results = [DomainResult(lease, DomainFacts((endpoint(),)), NOW) for lease in slow]
    assert await recorder.record_domains(tx, results) == Recorded(1, frozenset({domain_id}))
    assert await value(tx, "SELECT count(*) FROM endpoints") == 1
    before = await dump(tx)
    await recorder.record_domains(tx, results)
    assert await dump(tx) == before
