"""The newest numbers of a node's containers: packed into one row, replaced at each scrape."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from itertools import accumulate
from operator import attrgetter
from typing import Any

import msgspec
from sqlalchemy import select, text

from registry.facts.containers import BlockSample, ContainerSample, NetworkSample
from registry.models import node_samples
from registry.session import Connection

# Raised when a field comes or goes: rows of another layout are left unread until the next scrape.
_LAYOUT = 2

# Fields by position, names left out: they would be most of the bytes.
_sample_values = attrgetter(*(field.name for field in fields(ContainerSample)))
_network_values = attrgetter(*(field.name for field in fields(NetworkSample)))
_block_values = attrgetter(*(field.name for field in fields(BlockSample)))


@dataclass(frozen=True, slots=True)
class NodeSamples:
    """One node's samples; `received_at` in Unix seconds."""

    node_id: int
    received_at: float
    samples: tuple[ContainerSample, ...]


def pack(samples: Iterable[ContainerSample]) -> bytes:
    """Pack samples as MessagePack arrays."""
    return msgspec.msgpack.encode([_LAYOUT, *map(_packable, samples)])


def _packable(sample: ContainerSample) -> list[object]:
    *numbers, networks, blocks = _sample_values(sample)
    return [*numbers, list(map(_network_values, networks)), list(map(_block_values, blocks))]


def unpack(data: bytes) -> tuple[ContainerSample, ...]:
    """Return the samples that `pack` packed; none where another release did."""
    layout, *samples = msgspec.msgpack.decode(data) or [None]
    return tuple(map(_unpacked, samples)) if layout == _LAYOUT else ()


def _unpacked(values: list[Any]) -> ContainerSample:
    values[-2] = tuple(NetworkSample(*network) for network in values[-2])
    values[-1] = tuple(BlockSample(*block) for block in values[-1])
    return ContainerSample(*values)


# All nodes' bytes in one piece: an array of bytea would travel as quoted text, which costs both sides
# five times as much.
_WRITE = text("""
    INSERT INTO node_samples (node_id, received_at, data)
    SELECT node_id, received_at, substr(CAST(:data AS bytea), first, size)
    FROM unnest(CAST(:ids AS bigint[]), CAST(:times AS timestamptz[]),
                CAST(:firsts AS int[]), CAST(:sizes AS int[])) AS r (node_id, received_at, first, size)
    ON CONFLICT (node_id) DO UPDATE SET received_at = excluded.received_at, data = excluded.data
""")


async def write_samples(tx: Connection, nodes: Sequence[NodeSamples]) -> None:
    """Replace the samples of nodes."""
    if not nodes:
        return
    packed = [pack(node.samples) for node in nodes]
    sizes = list(map(len, packed))
    values = {
        "ids": [node.node_id for node in nodes],
        "times": [datetime.fromtimestamp(node.received_at, UTC) for node in nodes],
        "firsts": list(accumulate(sizes[:-1], initial=1)),
        "sizes": sizes,
        "data": b"".join(packed),
    }
    await tx.execute(_WRITE, values)


async def read_samples(tx: Connection, node_id: int) -> tuple[ContainerSample, ...]:
    """Return a node's newest samples; none after a crash of the server, until the next scrape."""
    packed = select(node_samples.c.data).where(node_samples.c.node_id == node_id)
    data = (await tx.execute(packed)).scalar_one_or_none()
    return () if data is None else unpack(data)
