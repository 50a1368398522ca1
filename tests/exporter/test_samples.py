from __future__ import annotations

from dataclasses import replace

from exporter import samples
from exporter.containers import describe
from registry.facts.containers import ContainerSample, ContainerState, Limits, NetworkSample
from tests.exporter.reading import names, series, values
from tests.exporter.things import ENGINE, SHOP, SHOP_ID, SHOP_SAMPLE

KNOWN = describe(ENGINE, [SHOP])
NOTHING = ContainerSample(SHOP_ID, SHOP_SAMPLE.received_at)


def page(*given: ContainerSample) -> str:
    return "".join(samples.render(KNOWN, given))


def value(text: str, name: str) -> str:
    (found,) = values(text, name).values()
    return found


def test_nanoseconds_become_seconds_without_loss() -> None:
    assert value(page(SHOP_SAMPLE), "container_cpu_usage_seconds_total") == "12.345678901"
    assert value(page(SHOP_SAMPLE), "container_cpu_user_seconds_total") == "10.0"
    assert value(page(SHOP_SAMPLE), "container_cpu_cfs_throttled_seconds_total") == "0.25"


def test_all_cores_are_one_series_named_total() -> None:
    (labels,) = values(page(SHOP_SAMPLE), "container_cpu_usage_seconds_total")
    assert labels.endswith(',cpu="total"}')


def test_bytes_and_counts_are_as_the_engine_gave_them() -> None:
    text = page(SHOP_SAMPLE)
    assert value(text, "container_memory_usage_bytes") == "200000000"
    assert value(text, "container_memory_failcnt") == "5"
    assert value(text, "container_threads") == "17"
    assert value(text, "container_cpu_cfs_throttled_periods_total") == "3"


def test_every_number_carries_the_time_of_its_receipt() -> None:
    assert {found.split()[1] for found in series(page(SHOP_SAMPLE)).values()} == {"1772366399250"}


def test_an_interface_is_a_label() -> None:
    text = page(replace(SHOP_SAMPLE, networks=(*SHOP_SAMPLE.networks, _network('e"1'))))
    bytes_in = values(text, "container_network_receive_bytes_total")
    assert [labels.rpartition(",")[2] for labels in bytes_in] == [
        'interface="eth0"}',
        r'interface="e\"1"}',
    ]
    dropped = values(text, "container_network_transmit_packets_dropped_total")
    assert list(dropped.values()) == ["8", "80"]


def test_a_device_is_known_by_its_numbers() -> None:
    text = page(SHOP_SAMPLE)
    assert value(text, "container_fs_reads_bytes_total") == "4096"
    assert value(text, "container_fs_writes_bytes_total") == "8192"
    (read, written) = values(text, "container_blkio_device_usage_total")
    assert read.endswith(',device="8:0",major="8",minor="0",operation="Read"}')
    assert written.endswith(',device="8:0",major="8",minor="0",operation="Write"}')


def test_what_the_engine_did_not_give_is_left_out() -> None:
    assert page(NOTHING) == ""
    assert names(page(replace(NOTHING, pids=0))) == {"container_threads"}


def test_throttling_is_there_only_with_a_cpu_limit() -> None:
    unlimited = describe(ENGINE, [replace(SHOP, limits=Limits())])
    shown = names("".join(samples.render(unlimited, [SHOP_SAMPLE])))
    assert not {name for name in shown if "cfs" in name}
    assert {name for name in names(page(SHOP_SAMPLE)) if "cfs" in name}


def test_numbers_of_a_container_that_is_unknown_or_stopped_are_not_shown() -> None:
    stranger = replace(SHOP_SAMPLE, container_id="f" * 64)
    stopped = describe(ENGINE, [replace(SHOP, state=ContainerState.EXITED)])
    assert page(stranger) == ""
    assert not list(samples.render(stopped, [SHOP_SAMPLE]))


def _network(name: str) -> NetworkSample:
    return NetworkSample(name, 10, 20, 30, 40, 50, 60, 70, 80)


def test_page_faults_are_told_by_kind() -> None:
    found = values(page(SHOP_SAMPLE), "container_memory_failures_total")
    assert [(labels.rpartition("failure_type=")[2], value) for labels, value in found.items()] == [
        ('"pgfault",scope="container"}', "1234"),
        ('"pgmajfault",scope="container"}', "56"),
    ]


def test_reads_and_writes_are_counted_where_the_engine_counts_them() -> None:
    assert value(page(SHOP_SAMPLE), "container_fs_reads_total") == "1"
    assert value(page(SHOP_SAMPLE), "container_fs_writes_total") == "2"
    bytes_alone = tuple(replace(block, operations_total=None) for block in SHOP_SAMPLE.blocks)
    assert not values(page(replace(SHOP_SAMPLE, blocks=bytes_alone)), "container_fs_reads_total")


def test_more_of_the_memory_is_told_by_cadvisors_names() -> None:
    text = page(SHOP_SAMPLE)
    assert value(text, "container_memory_swap") == "4096"
    assert value(text, "container_memory_mapped_file") == "8192"
    assert value(text, "container_memory_total_active_file_bytes") == "30000000"
    assert value(text, "container_memory_total_inactive_file_bytes") == "50000000"
    assert value(text, "container_threads_max") == "100"
