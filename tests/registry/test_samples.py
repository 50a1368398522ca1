from __future__ import annotations

from dataclasses import astuple

from msgspec.msgpack import encode

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


def test_samples_come_back_as_they_were_packed() -> None:
    assert unpack(pack([SAMPLE, BARE])) == (SAMPLE, BARE)


def test_nothing_packs_to_nothing() -> None:
    assert unpack(pack([])) == ()


def test_what_another_release_packed_is_left_alone() -> None:
    """0.2 packed the samples alone, without the number of their layout."""
    assert unpack(encode([[*astuple(BARE)]])) == ()
    assert unpack(encode([])) == ()
    assert unpack(encode([3, [*astuple(BARE)]])) == ()


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
