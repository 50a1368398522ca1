from __future__ import annotations

import pytest

from collector.docker.client import Client
from collector.docker.memory import Engine, Memory, way_of
from collector.docker.transport.unix import UnixTransport
from registry.facts.nodes import EngineFacts, NodeQuestion
from tests.collector.docker.labs import NETWORK

FACTS = EngineFacts("id", "host", "x", "1.52", "Debian", "x86_64", "6.1", "overlay2", "2", 2, 1)


def memory_of(api: tuple[int, int]) -> Memory:
    question = NodeQuestion(1, "node", "unix:///run/docker.sock", 10.0, 1 << 20)
    engine = Engine(FACTS, api, podman=False, asked_at=0.0)
    return Memory(way_of(question), Client(UnixTransport(question, NETWORK)), engine)


@pytest.mark.parametrize(("count", "lanes"), [(1, 1), (20, 20), (64, 64), (200, 64)])
def test_an_old_engine_is_asked_all_at_once_within_a_bound(count: int, lanes: int) -> None:
    memory = memory_of((1, 43))
    memory.note_stats(count, 64, 0.001)
    assert memory.stats_lanes(count) == lanes


def test_a_quick_engine_gets_one_connection_once_it_is_known() -> None:
    memory = memory_of((1, 44))
    assert memory.stats_lanes(20) == 4
    memory.note_stats(20, 4, 0.02)
    assert memory.stats_lanes(20) == 1


def test_a_slow_new_engine_gets_as_many_as_keep_it_short() -> None:
    memory = memory_of((1, 52))
    memory.note_stats(20, 1, 1.0)
    assert memory.stats_lanes(20) == 4


def test_the_version_is_written_as_paths_have_it() -> None:
    engine = memory_of((1, 52)).engine
    assert engine
    assert engine.prefix == "1.52"
