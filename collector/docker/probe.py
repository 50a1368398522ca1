"""The Docker probe: one node's question in, its facts or a failure out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from collector.docker.check import Watch, watched_client
from collector.docker.client import Client
from collector.docker.disk import DiskWatch
from collector.docker.failures import Failed, failure_of, tidy
from collector.docker.labels import LabelFilter
from collector.docker.memory import Memory, way_of
from collector.docker.network import Network
from collector.docker.scrape import Scrape
from collector.docker.transport import transport_to
from registry.facts.checks import NodeCheck
from registry.facts.containers import USUAL_LABELS
from registry.facts.nodes import NodeFacts, NodeQuestion
from registry.facts.outcomes import Failure, FailureReason

log = logging.getLogger(__name__)

# A node that another collector has taken over, or that is gone, is forgotten; intervals are shorter.
_FORGET_AFTER: Final = 600.0
_SWEEP_EVERY: Final = 60.0


class DockerProbe:
    """Asks Docker engines, keeping connections and what is known of each node between scrapes.

    `clock` gives Unix seconds, for the times of receipt; `network` reaches other machines. Of
    containers' labels those that `labels` name are kept. Disks are asked for every `disk_interval`
    seconds, or never. One question a node at a time.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        network: Network,
        labels: Sequence[str] = USUAL_LABELS,
        disk_interval: float | None = None,
    ) -> None:
        self._clock = clock
        self._network = network
        self._labels = LabelFilter(labels)
        self._disks = DiskWatch(disk_interval, clock)
        self._memories: dict[int, Memory] = {}
        self._swept_at = 0.0

    async def ask(self, question: NodeQuestion) -> NodeFacts | Failure:
        """Scrape a node once, within the question's time limit; never raises but CancelledError."""
        try:
            memory = self._memory(question)
        except Failed as error:
            return error.failure
        scrape = Scrape(memory, question, self._clock, self._labels)
        outcome = await _outcome(scrape, question)
        if isinstance(outcome, Failure):
            memory.client.close()
        else:
            self._disks.look(memory, question, lambda: self._client(question))
        return outcome

    async def check(self, question: NodeQuestion) -> tuple[NodeFacts | Failure, NodeCheck]:
        """Scrape a node once as if nothing were known of it, and tell of each step; never raises."""
        watch = Watch()
        try:
            client = watched_client(question, self._network, watch)
        except Failed as error:
            return error.failure, watch.report()
        memory = Memory(way_of(question), client)
        outcome = await _outcome(Scrape(memory, question, self._clock, self._labels), question)
        client.close()
        # Its events went to the check: what they touched has to be inspected anew.
        self.forget(question.node_id)
        return outcome, watch.report()

    def forget(self, node_id: int) -> None:
        """Drop what is known of a node's containers, so that the next scrape inspects all."""
        if node_id in self._memories:
            self._memories[node_id].known.clear()

    async def close(self) -> None:
        """Drop every connection."""
        await self._disks.close()
        for node_id in self._memories:
            self._disconnect(node_id)
        self._memories.clear()

    def _memory(self, question: NodeQuestion) -> Memory:
        now = asyncio.get_running_loop().time()
        self._sweep(now)
        memory = self._memories.get(question.node_id)
        if memory is None or memory.way != way_of(question):
            self._disconnect(question.node_id)
            memory = Memory(way_of(question), self._client(question))
            self._memories[question.node_id] = memory
        memory.asked_at = now
        return memory

    def _client(self, question: NodeQuestion) -> Client:
        return Client(transport_to(question, self._network))

    def _sweep(self, now: float) -> None:
        if now < self._swept_at + _SWEEP_EVERY:
            return
        self._swept_at = now
        silent = [
            key for key, memory in self._memories.items() if now > memory.asked_at + _FORGET_AFTER
        ]
        for node_id in silent:
            self._disconnect(node_id)
            del self._memories[node_id]

    def _disconnect(self, node_id: int) -> None:
        if node_id in self._memories:
            self._memories[node_id].client.close()


async def _outcome(scrape: Scrape, question: NodeQuestion) -> NodeFacts | Failure:
    try:
        async with asyncio.timeout(question.time_limit):
            return await scrape.run()
    except Failed as error:
        return error.failure
    except TimeoutError:
        detail = f"no answer within {question.time_limit:g} s while {scrape.doing}"
        return Failure(FailureReason.TIMEOUT, detail)
    except OSError as error:
        return failure_of(error)
    except Exception as error:  # a fault of ours must cost this one answer, not the cycle
        log.exception("scraping node %s failed", question.name)
        return Failure(FailureReason.INTERNAL, tidy(f"a fault in the collector: {error!r}"))
