"""From a name to its addresses, by the system's resolver and by any other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from threading import Event

import pytest

from collector.resolver import Lookup, SystemLookup
from collector.tls.answer import NoAnswerError
from collector.tls.resolve import MAX_ADDRESSES, addresses_of
from registry.facts.outcomes import FailureReason


@pytest.fixture
def system() -> SystemLookup:
    return SystemLookup()


async def test_the_systems_resolver_is_asked(system: SystemLookup) -> None:
    assert "127.0.0.1" in await addresses_of("localhost", system)


async def test_a_name_that_does_not_exist_is_a_dns_failure(system: SystemLookup) -> None:
    with pytest.raises(NoAnswerError) as caught:
        await addresses_of("no-such-name.invalid", system)
    assert caught.value.failure.reason is FailureReason.DNS


@pytest.mark.parametrize("name", ["a" * 64 + ".test", "a..test", "x" * 300])
async def test_a_name_that_cannot_be_one_is_a_dns_failure(system: SystemLookup, name: str) -> None:
    with pytest.raises(NoAnswerError) as caught:
        await addresses_of(name, system)
    assert caught.value.failure.reason is FailureReason.DNS


async def test_more_names_than_threads_are_all_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = Event()
    monkeypatch.setattr("collector.resolver._THREADS", 2)
    monkeypatch.setattr("collector.resolver._getaddrinfo", lambda name: blocked.wait(5) and [name])
    system = SystemLookup()
    lookups = [asyncio.create_task(system(f"192.0.2.{number}")) for number in range(6)]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(lookups[0], 0.05)  # its thread is not free yet, though nobody waits
    blocked.set()
    assert await asyncio.gather(*lookups[1:]) == [[f"192.0.2.{number}"] for number in range(1, 6)]


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
async def test_an_address_is_not_looked_up(address: str) -> None:
    assert await addresses_of(address, resolver([])) == [address]


async def test_addresses_are_unique_and_in_one_order() -> None:
    found = ["2001:db8::1", "192.0.2.10", "192.0.2.9", "192.0.2.10"]
    expected = ["192.0.2.9", "192.0.2.10", "2001:db8::1"]
    assert await addresses_of("x.test", resolver(found)) == expected


async def test_addresses_are_bounded() -> None:
    found = [f"192.0.2.{number}" for number in range(100)]
    assert len(await addresses_of("x.test", resolver(found))) == MAX_ADDRESSES


def resolver(found: list[str]) -> Lookup:
    async def lookup(_: str) -> Iterable[str]:
        return found

    return lookup
