"""Decision 8 of the house, held: text that is joined, not built by the client library."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from exporter import samples
from exporter.containers import describe
from tests.exporter.things import ENGINE, SEEN, SHOP, SHOP_SAMPLE

_CONTAINERS = 20


class Replayed(Collector):
    """The very series of a page, for the client library to render."""

    def __init__(self, page: str) -> None:
        self._metrics = list(text_string_to_metric_families(page))

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def cpu_seconds(action: Callable[[], object], times: int) -> float:
    def once() -> float:
        begin = time.process_time()
        for _ in range(times):
            action()
        return (time.process_time() - begin) / times

    return statistics.median(once() for _ in range(5))


def test_a_nodes_page_costs_a_tenth_of_the_clients_own_renderer() -> None:
    ids = [f"{number:064x}" for number in range(_CONTAINERS)]
    known = describe(ENGINE, [replace(SHOP, container_id=identity) for identity in ids])
    newest = [replace(SHOP_SAMPLE, container_id=identity) for identity in ids]

    def render() -> str:
        return "".join([*known.render(SEEN.timestamp(), {}), *samples.render(known, newest)])

    registry = CollectorRegistry()
    registry.register(Replayed(render()))
    ours = cpu_seconds(render, 50)
    theirs = cpu_seconds(lambda: generate_latest(registry), 3)
    print(f"CPU ms a page of {_CONTAINERS} containers: {ours * 1e3:.2f}, client {theirs * 1e3:.2f}")
    assert ours * 10 < theirs
