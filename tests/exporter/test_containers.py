from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from exporter.containers import container_labels, describe
from registry.facts.containers import ContainerFacts, ContainerState, Health, Limits
from tests.exporter.reading import Series, names, values
from tests.exporter.things import ENGINE, NOW, SHOP, SHOP_ID

SEEN = 1772366399.5
STOPPED = replace(SHOP, state=ContainerState.EXITED, exit_code=3, health=Health.UNHEALTHY)


def page(*containers: ContainerFacts, ooms: dict[str, int] | None = None) -> str:
    return "".join(describe(ENGINE, containers).render(SEEN, ooms or {}))


def only(container: ContainerFacts, name: str) -> str | None:
    """The value of a metric that has one series for the container, None where it has none."""
    found = list(values(page(container), name).values())
    assert len(found) <= 1
    return found[0] if found else None


def hot(series: Series, label: str) -> list[str]:
    return [
        labels.rpartition(f'{label}="')[2].rstrip('"}') for labels, v in series.items() if v == "1"
    ]


def test_labels_are_cadvisors() -> None:
    assert container_labels(SHOP) == (
        f'id="/docker/{SHOP_ID}",name="shop",image="registry.example/shop:1",'
        'container_label_com_docker_compose_project="shop"'
    )


def test_labels_that_become_one_keep_the_alphabetically_first() -> None:
    odd = replace(SHOP, labels={"a_b": "second", "a.b": "first", "ü": "umlaut"})
    text = container_labels(odd)
    assert 'container_label_a_b="first"' in text
    assert "second" not in text
    assert 'container_label__="umlaut"' in text


def test_a_hostile_label_stays_one_value() -> None:
    hostile = replace(SHOP, labels={"x": 'a"} 1\nvsa_node_up{node="b'}, name="we\\ird")
    (labels,) = values(page(hostile), "container_last_seen")
    assert r'container_label_x="a\"} 1\nvsa_node_up{node=\"b"' in labels
    assert r'name="we\\ird"' in labels


@given(st.dictionaries(st.text(), st.text()))
def test_whatever_labels_say_a_page_reads_back_with_the_value_that_was_put_in(
    labels: dict[str, str],
) -> None:
    text = page(replace(SHOP, labels=labels))
    read = [m for m in text_string_to_metric_families(text) if m.name == "container_last_seen"]
    (sample,) = read[0].samples
    shown = {k: v for k, v in sample.labels.items() if k.startswith("container_label_")}
    assert set(shown.values()) <= set(labels.values())
    assert all(re.fullmatch(r"[a-zA-Z0-9_]+", name) for name in shown)
    assert sample.labels["name"] == "shop"


def test_a_state_is_one_hot_and_carries_the_time_it_was_seen() -> None:
    assert hot(values(page(SHOP), "vsa_container_state"), "state") == ["running"]
    assert len(values(page(SHOP), "vsa_container_state")) == len(ContainerState)
    assert all(
        line.endswith(" 1772366399500") for line in page(SHOP).splitlines() if line[0] != "#"
    )


def test_a_stopped_container_has_our_names_and_none_of_cadvisors() -> None:
    ours = {f"vsa_container_{name}" for name in ("state", "restarts", "exit_code", "image_info")}
    of_states = {
        name
        for name in names(page(STOPPED))
        if name.startswith("container_state_") or name == "container_restartcount"
    }
    assert len(of_states) == 6
    assert names(page(STOPPED)) - of_states == {*ours, "machine_cpu_cores", "machine_memory_bytes"}
    assert only(STOPPED, "vsa_container_exit_code") == "3"


def test_a_state_has_docker_state_exporters_names_too() -> None:
    text = page(replace(STOPPED, oom_killed=True, finished_at=STOPPED.started_at))
    states = values(text, "container_state_status")
    assert [labels for labels, value in states.items() if value == "1"] == [
        next(labels for labels in states if labels.endswith(',status="exited"}'))
    ]
    healths = values(text, "container_state_health_status")
    assert {labels.rpartition("=")[2]: value for labels, value in healths.items()} == {
        '"none"}': "0",
        '"starting"}': "0",
        '"healthy"}': "0",
        '"unhealthy"}': "1",
    }
    assert list(values(text, "container_state_oomkilled").values()) == ["1"]
    assert STOPPED.started_at
    started = f"{STOPPED.started_at.timestamp():.0f}"
    assert list(values(text, "container_state_startedat").values()) == [started]
    assert list(values(text, "container_state_finishedat").values()) == [started]
    assert list(values(text, "container_restartcount").values()) == ["2"]


def test_a_container_without_a_check_has_no_other_outcome_of_it() -> None:
    found = values(page(replace(SHOP, health=Health.NONE)), "container_state_health_status")
    assert [labels.rpartition(",")[2] for labels in found] == ['status="none"}']


def test_what_never_happened_happened_at_zero() -> None:
    assert only(replace(SHOP, started_at=None), "container_state_startedat") == "0"
    assert only(SHOP, "container_state_finishedat") == "0"


def test_an_image_is_known_by_its_id_and_its_registrys_digest() -> None:
    (labels,) = values(page(SHOP), "vsa_container_image_info")
    assert labels.endswith(',image_id="sha256:1",image_digest="sha256:2"}')
    (labels,) = values(page(replace(SHOP, image_digest=None)), "vsa_container_image_info")
    assert labels.endswith(',image_id="sha256:1"}')


def test_ends_of_memory_are_counted_from_zero_by_name() -> None:
    assert only(SHOP, "container_oom_events_total") == "0"
    text = page(SHOP, ooms={"shop": 3, "other": 1})
    assert list(values(text, "container_oom_events_total").values()) == ["3"]


def test_a_running_container_has_no_exit_code() -> None:
    assert only(SHOP, "vsa_container_exit_code") is None


@pytest.mark.parametrize(
    ("health", "value"),
    [(Health.HEALTHY, "1"), (Health.STARTING, "0"), (Health.UNHEALTHY, "0"), (Health.NONE, "-1")],
)
def test_health_is_numbered_as_in_cadvisor(health: Health, value: str) -> None:
    assert only(replace(SHOP, health=health), "container_health_state") == value


def test_our_own_health_tells_starting_from_unhealthy() -> None:
    starting = replace(SHOP, health=Health.STARTING)
    assert hot(values(page(starting), "vsa_container_health"), "health") == ["starting"]


def test_a_container_without_a_check_has_no_health_of_ours() -> None:
    assert not values(page(replace(SHOP, health=Health.NONE)), "vsa_container_health")


def test_times_are_unix_seconds() -> None:
    assert only(SHOP, "container_start_time_seconds") == str(int(NOW.timestamp()) - 2 * 86400)
    assert only(SHOP, "container_creation_time_seconds") == str(int(NOW.timestamp()) - 3 * 86400)
    assert only(SHOP, "container_last_seen") == "1772366399"


@pytest.mark.parametrize(
    ("limits", "period", "quota"),
    [
        (Limits(), "100000", None),
        (Limits(nano_cpus=1_500_000_000), "100000", "150000"),
        (Limits(cpu_period=50_000, cpu_quota=25_000), "50000", "25000"),
        (Limits(cpu_quota=-1), "100000", None),
    ],
)
def test_a_cpu_limit_is_a_quota_of_a_period(limits: Limits, period: str, quota: str | None) -> None:
    container = replace(SHOP, limits=limits)
    assert only(container, "container_spec_cpu_period") == period
    assert only(container, "container_spec_cpu_quota") == quota


def test_memory_without_a_limit_is_0() -> None:
    assert only(SHOP, "container_spec_memory_limit_bytes") == str(1 << 28)
    assert only(SHOP, "container_spec_memory_swap_limit_bytes") == "0"
    assert only(SHOP, "container_spec_memory_reservation_limit_bytes") == "0"


def test_the_machine_is_there_without_any_container() -> None:
    assert values(page(), "machine_cpu_cores") == {"": "4"}
    assert names(page()) == {"machine_cpu_cores", "machine_memory_bytes"}


def test_an_engine_that_was_never_seen_shows_no_machine() -> None:
    assert not list(describe(None, ()).render(SEEN, {}))
