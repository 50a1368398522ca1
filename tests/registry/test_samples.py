from __future__ import annotations

from dataclasses import astuple, dataclass, fields

import pytest
from msgspec.msgpack import encode

from registry import samples
from registry.facts.containers import BlockSample, ContainerSample, NetworkSample
from registry.samples import NodeSamples, pack, read_samples, unpack, write_samples
from registry.session import Connection
from tests.registry.targets import NOW, add_node, fetch, later

SAMPLE = ContainerSample(
    container_id="a" * 64,
    received_at=1795435200.25,
    cpu_total_ns=2**63,
    memory_usage_bytes=0,
    page_faults=7,
    networks=(NetworkSample("eth0", 1, 2, 3, 4, 5, 6, 7, 8), NetworkSample("eth1", *range(8))),
    blocks=(BlockSample(8, 0, "Read", 4096, 1),),
)
BARE = ContainerSample("b" * 64, 0.5)
# The fields that layout 2 began with: a release of it must find them where they were.
LAYOUT_2 = {
    ContainerSample: """
        container_id received_at cpu_total_ns cpu_user_ns cpu_system_ns cfs_periods
        cfs_throttled_periods cfs_throttled_ns memory_usage_bytes memory_working_set_bytes
        memory_rss_bytes memory_cache_bytes memory_max_usage_bytes memory_failures pids pids_limit
        memory_swap_bytes memory_mapped_bytes memory_active_file_bytes memory_inactive_file_bytes
        page_faults major_page_faults networks blocks
    """,
    NetworkSample: """
        interface receive_bytes receive_packets receive_errors receive_dropped
        transmit_bytes transmit_packets transmit_errors transmit_dropped
    """,
    BlockSample: "major minor operation bytes_total operations_total",
}


def test_samples_come_back_as_they_were_packed() -> None:
    assert unpack(pack([SAMPLE, BARE])) == (SAMPLE, BARE)


def test_nothing_packs_to_nothing() -> None:
    assert unpack(pack([])) == ()


def test_what_was_packed_in_another_layout_is_left_alone() -> None:
    """0.2 packed the samples alone, without the number of their layout."""
    assert unpack(encode([[*astuple(BARE)]])) == ()
    assert unpack(encode([])) == ()
    assert unpack(encode([3, [*astuple(BARE)]])) == ()


@dataclass(slots=True)
class NewerSample(ContainerSample):
    appended: int | None = None


@dataclass(slots=True)
class NewerNetwork(NetworkSample):
    appended: int | None = None


@dataclass(slots=True)
class NewerBlock(BlockSample):
    appended: int | None = None


@pytest.fixture
def newer_release(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Pack and unpack as a release that has a field more of everything, until it is undone."""
    for row, made in (("SAMPLE", NewerSample), ("NETWORK", NewerNetwork), ("BLOCK", NewerBlock)):
        monkeypatch.setattr(samples, f"_{row}", samples._Row(made))
    return monkeypatch


def newer(sample: ContainerSample, appended: int | None) -> NewerSample:
    made = NewerSample(*astuple(sample))
    networks = [NewerNetwork(*astuple(row)) for row in sample.networks]
    blocks = [NewerBlock(*astuple(row)) for row in sample.blocks]
    made.networks, made.blocks = tuple(networks), tuple(blocks)
    newer_rows: list[NewerSample | NewerNetwork | NewerBlock] = [made, *networks, *blocks]
    for row in newer_rows:
        row.appended = appended
    return made


def test_an_older_release_reads_what_it_knows_of_a_newer_ones_samples(
    newer_release: pytest.MonkeyPatch,
) -> None:
    packed = pack([newer(SAMPLE, 7), newer(BARE, 7)])
    assert unpack(packed) == (newer(SAMPLE, 7), newer(BARE, 7))
    newer_release.undo()
    assert unpack(packed) == (SAMPLE, BARE)


def test_a_newer_release_reads_an_older_ones_samples_without_what_was_appended(
    request: pytest.FixtureRequest,
) -> None:
    packed = pack([SAMPLE, BARE])
    request.getfixturevalue("newer_release")
    assert unpack(packed) == (newer(SAMPLE, None), newer(BARE, None))


@pytest.mark.parametrize("sample", LAYOUT_2)
def test_within_a_layout_fields_are_only_appended(sample: type) -> None:
    first = LAYOUT_2[sample].split()
    assert [field.name for field in fields(sample)][: len(first)] == first
    assert all(field.default is None for field in fields(sample)[len(first) :])


def test_names_of_fields_are_not_packed() -> None:
    assert b"memory" not in pack([SAMPLE])


async def test_a_nodes_samples_are_one_row_that_is_replaced(tx: Connection) -> None:
    alpha, beta = await add_node(tx, "alpha"), await add_node(tx, "beta")
    at = NOW.timestamp()
    await write_samples(tx, [NodeSamples(alpha, at, (BARE,)), NodeSamples(beta, at, ())])
    await write_samples(tx, [NodeSamples(alpha, at + 15, (SAMPLE, BARE))])
    rows = await fetch(tx, "SELECT node_id, received_at FROM node_samples ORDER BY node_id")
    assert rows == [(alpha, later(15)), (beta, NOW)]
    assert await read_samples(tx, alpha) == (SAMPLE, BARE)


async def test_a_node_that_was_never_sampled_has_no_samples(tx: Connection) -> None:
    assert await read_samples(tx, await add_node(tx)) == ()
