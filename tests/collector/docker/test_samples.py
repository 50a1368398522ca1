from __future__ import annotations

import json

import pytest

from collector.docker import wire
from collector.docker.failures import Failed
from collector.docker.samples import container_sample
from collector.docker.wire_stats import STATS
from registry.facts.containers import BlockSample, ContainerSample, NetworkSample
from tests.parts.engine_world import World

READ = "2026-11-23T00:51:35.932200848Z"


def sample(**stats: object) -> ContainerSample:
    body = json.dumps({"read": READ, **stats}).encode()
    made = container_sample("aa", wire.decode(STATS, body, "stats"), 12.5)
    assert made
    return made


def full(api: str) -> ContainerSample:
    world = World(api)
    box = world.run("web")
    document = world.document("stats", box)
    made = container_sample(box.id, wire.decode(STATS, json.dumps(document).encode(), ""), 1.0)
    assert made
    return made


def test_cgroup_v1_numbers_mean_what_cadvisor_means() -> None:
    numbers = full("1.41")
    assert numbers.memory_usage_bytes == 1 << 20
    assert numbers.memory_working_set_bytes == (1 << 20) - 8192
    assert (numbers.memory_rss_bytes, numbers.memory_cache_bytes) == (8192, 8192)
    assert (numbers.memory_max_usage_bytes, numbers.memory_failures) == (2 << 20, 0)
    assert numbers.blocks == (
        BlockSample(8, 0, "Read", 4096, 4096),
        BlockSample(8, 0, "Write", 4096, 4096),
    )


def test_cgroup_v2_numbers_mean_the_same_and_what_is_not_told_is_none() -> None:
    numbers = full("1.52")
    assert numbers.memory_working_set_bytes == (1 << 20) - 8192
    assert (numbers.memory_rss_bytes, numbers.memory_cache_bytes) == (8192, 8192)
    assert (numbers.memory_max_usage_bytes, numbers.memory_failures) == (None, None)
    assert numbers.blocks == (
        BlockSample(8, 0, "Read", 4096, None),
        BlockSample(8, 0, "Write", 4096, None),
    )


def test_cpu_and_network_numbers_are_taken_over() -> None:
    numbers = full("1.52")
    cpu = (numbers.cpu_total_ns, numbers.cpu_user_ns, numbers.cpu_system_ns)
    assert cpu == (55_141_381, 10_000_000, 30_000_000)
    throttling = (numbers.cfs_periods, numbers.cfs_throttled_periods, numbers.cfs_throttled_ns)
    assert throttling == (10, 2, 3_000)
    assert numbers.networks == (NetworkSample("eth0", *[1000] * 8),)
    assert (numbers.pids, numbers.received_at) == (3, 1.0)


def test_nothing_told_is_none_and_never_zero() -> None:
    assert sample() == ContainerSample("aa", 12.5)


def test_a_working_set_is_never_negative() -> None:
    memory = {"usage": 10, "stats": {"inactive_file": 11}}
    assert sample(memory_stats=memory).memory_working_set_bytes == 0


def test_podmans_usage_without_details_has_no_working_set() -> None:
    numbers = sample(memory_stats={"usage": 10})
    assert (numbers.memory_usage_bytes, numbers.memory_working_set_bytes) == (10, None)


def test_a_container_that_does_not_run_has_no_sample() -> None:
    body = b'{"read": "0001-01-01T00:00:00Z", "cpu_stats": {"cpu_usage": {"total_usage": 0}}}'
    assert container_sample("aa", wire.decode(STATS, body, "stats"), 1.0) is None


@pytest.mark.parametrize("number", [-1, 1 << 63, 10**30, 1.5, "7"])
def test_a_counter_beyond_reason_is_a_protocol_failure(number: object) -> None:
    with pytest.raises(Failed, match="cannot read stats"):
        sample(pids_stats={"current": number})


def test_both_generations_tell_of_files_and_faults() -> None:
    old, new = full("1.41"), full("1.52")
    assert (old.memory_swap_bytes, new.memory_swap_bytes) == (None, None)
    for made in (old, new):
        assert made.memory_inactive_file_bytes == made.page_faults == 8192
    swapping = sample(memory_stats={"stats": {"total_inactive_file": 1, "total_swap": 7}})
    assert swapping.memory_swap_bytes == 7


@pytest.mark.parametrize(
    ("limit", "told"), [(18446744073709551615, 0), (100, 100), (None, None)], ids=str
)
def test_a_limit_that_is_none_is_zero(limit: int | None, told: int | None) -> None:
    assert sample(pids_stats={"current": 3, "limit": limit}).pids_limit == told
