from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from exporter import fleet_page
from registry.facts.domains import Verdict
from registry.facts.nodes import DiskUsage
from registry.facts.outcomes import Cost, Failure, FailureReason
from registry.fleet import NodeStatus
from registry.fleet_domains import EndpointStatus
from tests.exporter.reading import Series, assert_promtool_is_content, values
from tests.exporter.things import DOMAIN, ENDPOINT, FLEET, NODE, NOW

REFUSED = Failure(FailureReason.REFUSED, "nothing listens there")
AT = 'domain="shop.example",address="192.0.2.1",port="443"'
PAGE = fleet_page.render(FLEET)


def of_node(node: NodeStatus, name: str) -> Series:
    return values(fleet_page.render(replace(FLEET, nodes=(node,))), name)


def of_endpoint(endpoint: EndpointStatus, name: str) -> Series:
    return values(fleet_page.render(replace(FLEET, endpoints=(endpoint,))), name)


def up(node: NodeStatus) -> str | None:
    return of_node(node, "vsa_node_up").get('{node="web-1"}')


def hot(series: Series) -> list[str]:
    return [labels for labels, value in series.items() if value == "1"]


def test_promtool_is_content_with_the_page() -> None:
    assert_promtool_is_content(PAGE)


# ---------------------------------------------------------------------------- programs


def test_a_collector_shows_its_heartbeat_and_totals() -> None:
    heartbeat = values(PAGE, "vsa_collector_heartbeat_timestamp_seconds")
    assert heartbeat == {'{collector="host:42"}': str(int(NOW.timestamp()) - 1)}
    assert values(PAGE, "vsa_collector_probe_failures_total") == {'{collector="host:42"}': "4"}
    assert values(PAGE, "vsa_collector_cpu_seconds_total") == {'{collector="host:42"}': "12.5"}


def test_the_schedule_shows_what_is_late() -> None:
    assert values(PAGE, "vsa_schedule_overdue_targets") == {"": "1"}
    assert values(PAGE, "vsa_schedule_lateness_seconds") == {"": "2.5"}


def test_the_audit_head_is_a_label_so_that_a_cut_tail_shows() -> None:
    assert values(PAGE, "vsa_audit_head_info") == {f'{{hash="{"cd" * 32}"}}': "1"}
    assert values(PAGE, "vsa_audit_entries_total") == {"": "12"}


def test_the_exporter_shows_what_it_uses_itself() -> None:
    assert "\nprocess_resident_memory_bytes " in PAGE
    assert '\nvsa_build_info{version="' in PAGE


# ---------------------------------------------------------------------------- nodes


def test_a_node_that_answered_lately_is_up() -> None:
    assert up(NODE) == "1"
    assert not hot(of_node(NODE, "vsa_node_failure"))


def test_a_node_that_failed_is_down_for_one_reason() -> None:
    failed = replace(NODE, failure=REFUSED)
    assert up(failed) == "0"
    assert hot(of_node(failed, "vsa_node_failure")) == ['{node="web-1",reason="refused"}']
    assert len(of_node(failed, "vsa_node_failure")) == len(FailureReason)


def test_a_node_that_nobody_asks_any_more_is_down_without_a_reason() -> None:
    stale = replace(NODE, last_success_at=NOW - timedelta(seconds=61))
    assert up(stale) == "0"
    assert not hot(of_node(stale, "vsa_node_failure"))


def test_a_long_interval_makes_data_last_longer() -> None:
    seldom = replace(NODE, interval_seconds=120.0, last_success_at=NOW - timedelta(seconds=350))
    assert up(seldom) == "1"


def test_a_node_just_registered_is_neither_up_nor_down() -> None:
    new = replace(NODE, last_attempt_at=None, last_success_at=None, engine=None, cost=None)
    assert up(replace(new, created_at=NOW - timedelta(seconds=59))) is None
    assert up(replace(new, created_at=NOW - timedelta(seconds=61))) == "0"


def test_a_disabled_node_is_left_out() -> None:
    disabled = fleet_page.render(replace(FLEET, nodes=(replace(NODE, enabled=False),)))
    assert "vsa_node_" not in disabled


def test_containers_are_counted_by_every_state() -> None:
    counts = of_node(NODE, "vsa_node_containers")
    assert counts['{node="web-1",state="running"}'] == "2"
    assert counts['{node="web-1",state="paused"}'] == "0"


def test_containers_of_a_stale_node_are_unknown() -> None:
    stale = replace(NODE, last_success_at=NOW - timedelta(hours=1))
    assert not of_node(stale, "vsa_node_containers")


def test_an_engine_says_what_it_is() -> None:
    ((labels, value),) = of_node(NODE, "vsa_node_engine_info").items()
    assert value == "1"
    assert r'operating_system="Debian \"12\""' in labels


def test_a_scrape_shows_what_it_cost() -> None:
    assert of_node(NODE, "vsa_node_scrape_phase_seconds") == {'{node="web-1",phase="list"}': "0.25"}
    assert of_node(NODE, "vsa_node_scrape_requests") == {'{node="web-1"}': "3"}
    assert of_node(NODE, "vsa_node_scrape_cpu_seconds") == {'{node="web-1"}': "0.002"}


def test_a_cost_that_an_older_collector_counted_without_cpu_has_none() -> None:
    assert not of_node(replace(NODE, cost=Cost(3)), "vsa_node_scrape_cpu_seconds")


def test_an_engines_warnings_are_counted() -> None:
    assert of_node(NODE, "vsa_node_engine_warnings") == {'{node="web-1"}': "1"}


def test_a_disk_is_shown_by_kind_and_with_its_age() -> None:
    images = '{node="web-1",kind="images"}'
    assert of_node(NODE, "vsa_node_disk_usage_bytes") == {images: "3000"}
    assert of_node(NODE, "vsa_node_disk_reclaimable_bytes") == {images: "1000"}
    assert of_node(NODE, "vsa_node_disk_objects") == {images: "5"}
    assert list(of_node(NODE, "vsa_node_disk_measured_timestamp_seconds").values()) == [
        f"{NOW.timestamp() - 1:.0f}"
    ]


@pytest.mark.parametrize("disk", [None, DiskUsage(failure=Failure(FailureReason.FORBIDDEN, ""))])
def test_a_disk_that_was_never_measured_is_not_shown(disk: DiskUsage | None) -> None:
    assert not of_node(replace(NODE, disk=disk), "vsa_node_disk_measured_timestamp_seconds")


def duplicates(*nodes: NodeStatus) -> Series:
    page = fleet_page.render(replace(FLEET, nodes=nodes))
    return values(page, "vsa_node_duplicate_engine")


def test_one_engine_under_two_names_is_told_of_both() -> None:
    assert NODE.engine
    other = replace(NODE, name="web-3", engine=replace(NODE.engine, engine_id="BBBB"))
    assert duplicates(NODE, replace(NODE, name="web-2"), other) == {
        '{node="web-1"}': "1",
        '{node="web-2"}': "1",
        '{node="web-3"}': "0",
    }


def test_a_disabled_node_and_an_engine_without_an_id_are_nobodys_double() -> None:
    assert NODE.engine
    nameless = replace(NODE, engine=replace(NODE.engine, engine_id=""))
    unseen = replace(NODE, name="web-3", engine=None)
    assert duplicates(NODE, replace(NODE, name="web-2", enabled=False), unseen) == {
        '{node="web-1"}': "0"
    }
    assert set(duplicates(nameless, replace(nameless, name="web-2")).values()) == {"0"}


def test_deaths_are_told_apart_by_their_class_and_no_event_twice() -> None:
    page = fleet_page.render(FLEET)
    assert values(page, "vsa_container_deaths_total") == {
        '{node="web-1",name="shop",exit="error"}': "4"
    }
    assert "die" not in "".join(values(page, "vsa_container_events_total"))


def test_events_outlive_the_view_of_their_node() -> None:
    page = fleet_page.render(replace(FLEET, nodes=()))
    counted = {'{node="web-1",name="shop",event="oom"}': "2"}
    assert values(page, "vsa_container_events_total") == counted


# ---------------------------------------------------------------------------- domains


def test_a_certificate_shows_its_life() -> None:
    labels = f'{{{AT},fingerprint_sha256="{"ab" * 32}"}}'
    not_after = values(PAGE, "vsa_certificate_not_after_timestamp_seconds")
    not_before = values(PAGE, "vsa_certificate_not_before_timestamp_seconds")
    assert not_after == {labels: str(int(NOW.timestamp()) + 60 * 86400)}
    assert not_before == {labels: str(int(NOW.timestamp()) - 30 * 86400)}


def test_a_verdict_is_one_hot() -> None:
    verdicts = of_endpoint(replace(ENDPOINT, verdict=Verdict.WEAK), "vsa_endpoint_verdict")
    assert hot(verdicts) == [f'{{{AT},verdict="weak"}}']
    assert len(verdicts) == len(Verdict)


def test_what_is_known_of_a_certificate_stays_when_its_address_fails() -> None:
    gone = replace(ENDPOINT, failure=REFUSED)
    assert hot(of_endpoint(gone, "vsa_endpoint_failure")) == [f'{{{AT},reason="refused"}}']
    assert of_endpoint(gone, "vsa_certificate_not_after_timestamp_seconds")
    assert hot(of_endpoint(gone, "vsa_endpoint_verdict")) == [f'{{{AT},verdict="ok"}}']


NEVER = replace(ENDPOINT, failure=REFUSED, verdict=None, last_success_at=None, fingerprint=None)


@pytest.mark.parametrize(
    "name", ["vsa_endpoint_verdict", "vsa_endpoint_tls_info", "vsa_certificate_info"]
)
def test_an_address_that_never_answered_has_no_facts(name: str) -> None:
    assert not of_endpoint(NEVER, name)
    assert of_endpoint(NEVER, "vsa_endpoint_probe_duration_seconds") == {f"{{{AT}}}": "0.125"}


def test_a_certificate_without_dates_has_none() -> None:
    odd = replace(ENDPOINT, not_before=None, not_after=None, chain_not_after=None)
    assert not of_endpoint(odd, "vsa_certificate_not_after_timestamp_seconds")
    assert not of_endpoint(odd, "vsa_endpoint_chain_not_after_timestamp_seconds")
    assert of_endpoint(odd, "vsa_certificate_info")


def test_one_name_and_port_watched_under_two_server_names_are_apart() -> None:
    other = replace(DOMAIN, id=2, server_name="old.example")
    there = replace(ENDPOINT, domain_id=2, server_name="old.example")
    page = fleet_page.render(replace(FLEET, domains=(DOMAIN, other), endpoints=(ENDPOINT, there)))
    assert set(values(page, "vsa_endpoint_probe_duration_seconds")) == {
        f"{{{AT}}}",
        f'{{{AT},server_name="old.example"}}',
    }


def test_a_disabled_domain_is_left_out_with_its_addresses() -> None:
    page = fleet_page.render(replace(FLEET, domains=(replace(DOMAIN, enabled=False),)))
    assert "shop.example" in PAGE
    assert "shop.example" not in page


def test_a_domain_says_what_serves_it_where_it_was_told() -> None:
    lonely = replace(DOMAIN, id=2, name="lonely.example", node=None, container=None)
    page = fleet_page.render(replace(FLEET, domains=(DOMAIN, lonely)))
    assert set(values(page, "vsa_domain_info")) == {
        '{domain="shop.example",port="443",node="web-1",container="shop"}',
        '{domain="lonely.example",port="443"}',
    }


def test_a_domain_that_does_not_resolve_says_so() -> None:
    failed = replace(DOMAIN, failure=Failure(FailureReason.DNS, "no such name"))
    page = fleet_page.render(replace(FLEET, domains=(failed,), endpoints=()))
    reasons = hot(values(page, "vsa_domain_failure"))
    assert reasons == ['{domain="shop.example",port="443",reason="dns"}']


def test_an_empty_fleet_has_a_page() -> None:
    empty = replace(
        FLEET, nodes=(), domains=(), endpoints=(), event_counts=(), gap_counts=(), collectors=()
    )
    assert_promtool_is_content(fleet_page.render(empty))
