"""The newest numbers of a node's containers: packed into one row, replaced at each scrape."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from itertools import accumulate, starmap
from operator import attrgetter
from typing import Any

import msgspec
from sqlalchemy import select, text

from registry.facts.containers import BlockSample, ContainerSample, NetworkSample
from registry.models import node_samples
from registry.session import Connection

# Raised when a field goes, moves or changes its meaning: rows of another layout are left unread until
# the next scrape. Within a layout fields are only appended, None where an older writer has none, so
# that programs of two releases read each other's rows (docs/adr/0012).
_LAYOUT = 2


class _Row:
    """The fields of a class by position, names left out: they would be most of the bytes."""

    def __init__(self, made: type) -> None:
        self.names = tuple(field.name for field in fields(made))
        self.values = attrgetter(*self.names)
        self.make = made

    def known(self, rows: list[list[Any]]) -> list[list[Any]]:
        """Leave out what a newer writer appended: rows that come together are one writer's."""
        width = len(self.names)
        return [row[:width] for row in rows] if rows and len(rows[0]) > width else rows


_SAMPLE, _NETWORK, _BLOCK = _Row(ContainerSample), _Row(NetworkSample), _Row(BlockSample)
_NETWORKS, _BLOCKS = map(_SAMPLE.names.index, ("networks", "blocks"))


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
    values = list(_SAMPLE.values(sample))
    values[_NETWORKS] = list(map(_NETWORK.values, values[_NETWORKS]))
    values[_BLOCKS] = list(map(_BLOCK.values, values[_BLOCKS]))
    return values


def unpack(data: bytes) -> tuple[ContainerSample, ...]:
    """Return the samples that `pack` packed, of this release or another of the same layout."""
    layout, *samples = msgspec.msgpack.decode(data) or [None]
    return tuple(map(_unpacked, _SAMPLE.known(samples))) if layout == _LAYOUT else ()


def _unpacked(values: list[Any]) -> ContainerSample:
    values[_NETWORKS] = tuple(starmap(_NETWORK.make, _NETWORK.known(values[_NETWORKS])))
    values[_BLOCKS] = tuple(starmap(_BLOCK.make, _BLOCK.known(values[_BLOCKS])))
    sample: ContainerSample = _SAMPLE.make(*values)
    return sample


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
