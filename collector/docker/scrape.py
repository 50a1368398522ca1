"""One scrape of one node, phase by phase: connect, list, events, inspect, images, stats."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from collector.docker import calls, wire
from collector.docker.answers import body_of
from collector.docker.events import SECOND, News, read, window
from collector.docker.failures import Failed
from collector.docker.http import Answer
from collector.docker.interpret import container_facts, engine_facts, moment, row_facts
from collector.docker.labels import LabelFilter
from collector.docker.memory import Engine, Known, Memory
from collector.docker.meter import Meter
from collector.docker.samples import container_sample
from collector.docker.versions import negotiate
from collector.docker.wire_stats import STATS
from registry.facts.containers import ContainerFacts, ContainerSample, ContainerState, Health
from registry.facts.nodes import NodeFacts, NodeQuestion
from registry.facts.outcomes import Cost, FailureReason

_DOING: Final = {
    "connect": "connecting and asking for its version",
    "list": "listing its containers",
    "events": "reading its events",
    "inspect": "inspecting containers",
    "images": "listing its images",
    "stats": "reading containers' stats",
}
_ASK_ENGINE_EVERY: Final = 300.0
_INSPECT_LANES: Final = 4
# A list within the bytes budget may still name so many that inspecting them never ends.
_MOST_CONTAINERS: Final = 10_000
# Podman's log is read up to `until` only when that has not passed yet.
_PODMAN_LAG: Final = SECOND // 5
_LAST_MINUTE: Final = 60 * SECOND
_RUNNING: Final = {ContainerState.RUNNING, ContainerState.PAUSED}


class Scrape:
    """Asks one node once; `doing` says with what it is busy."""

    def __init__(
        self,
        memory: Memory,
        question: NodeQuestion,
        clock: Callable[[], float],
        labels: LabelFilter,
    ) -> None:
        self._labels = labels
        self._meter = Meter()
        self._memory = memory
        self._client = memory.client
        self._client.max_bytes = question.max_bytes
        self._question = question
        self._clock = clock
        self._now = time.monotonic
        self._phase = "connect"
        self._seconds = dict.fromkeys(_DOING, 0.0)
        self._began_at = self._now()
        client = self._client
        self._before = client.requests, client.received_bytes, client.cpu_seconds

    @property
    def doing(self) -> str:
        """The present phase, for a sentence."""
        return _DOING[self._phase]

    async def run(self) -> NodeFacts:
        """Ask; raises Failed or OSError."""
        facts = await self._meter.run(self._ask())
        return replace(facts, cost=self._cost())

    async def _ask(self) -> NodeFacts:
        engine, is_new = await self._meet()
        rows = await self._list(engine)
        news = await self._read_events(engine)
        await self._inspect(engine, rows, news, everything=is_new or news.lost)
        await self._learn_digests(engine)
        containers = tuple([container.facts for container in self._memory.known.values()])
        samples = await self._read_stats(engine, containers)
        self._enter("done")
        return NodeFacts(
            engine=engine.facts,
            containers=containers,
            samples=samples,
            events=news.events,
            cursor=news.cursor,
            events_lost=news.lost,
            received_at=self._clock(),
            disk=self._memory.disk,
            certificate=self._client.certificate,
        )

    def _cost(self) -> Cost:
        requests, received_bytes, cpu_seconds = self._before
        return Cost(
            self._client.requests - requests,
            self._client.received_bytes - received_bytes,
            self._seconds,
            self._meter.seconds + self._client.cpu_seconds - cpu_seconds,
        )

    def _enter(self, phase: str) -> None:
        now = self._now()
        self._seconds[self._phase] += now - self._began_at
        self._phase, self._began_at = phase, now

    # ------------------------------------------------------------------------ connect

    async def _meet(self) -> tuple[Engine, bool]:
        """Return the engine, and whether it is new to us or may have been restarted."""
        engine, is_new = self._memory.engine, not self._client.connected
        if engine is None or is_new or self._began_at > engine.asked_at + _ASK_ENGINE_EVERY:
            engine = self._memory.engine = await self._ask_engine()
        return engine, is_new

    async def _ask_engine(self) -> Engine:
        version = wire.decode(wire.VERSION, await self._get(calls.VERSION), "GET /version")
        podman = any("podman" in component.name.lower() for component in version.components or ())
        api = negotiate(version)
        asked_at = self._now()
        answer = await self._client.get(calls.info(f"{api[0]}.{api[1]}"))
        info = wire.decode(wire.INFO, body_of(answer, "GET /info"), "GET /info")
        if system_time := moment(info.system_time):
            # Docker reads its clock first and then works for 20 ms; Podman works for 800 ms first.
            self._memory.clock.set(system_time, answer.received_at if podman else asked_at)
        return Engine(engine_facts(version, info), api, podman, self._began_at)

    # ------------------------------------------------------------------------ list

    async def _list(self, engine: Engine) -> list[wire.Row]:
        self._enter("list")
        answer = await self._client.get(calls.containers(engine.prefix))
        rows = wire.decode(wire.ROWS, body_of(answer, "GET /containers/json"), "the container list")
        if len(rows) > _MOST_CONTAINERS:
            raise Failed(
                FailureReason.TOO_LARGE,
                f"the list names {len(rows)} containers; at most {_MOST_CONTAINERS} are read",
            )
        self._memory.clock.hold(answer.date, self._began_at, answer.received_at)
        return rows

    # ------------------------------------------------------------------------ events

    async def _read_events(self, engine: Engine) -> News:
        self._enter("events")
        cursor = self._question.cursor
        now = self._memory.clock.nano(self._now()) + (_PODMAN_LAG if engine.podman else 0)
        try:
            lines = await self._ask_events(engine, *window(cursor, now))
        except Failed as error:
            if error.failure.reason is not FailureReason.TOO_LARGE:
                raise
            # Podman's log after a long outage: what does not fit is lost, the node is not.
            lines = await self._ask_events(engine, now - _LAST_MINUTE, now)
        return read(lines, cursor, now)

    async def _ask_events(self, engine: Engine, since: int, until: int) -> list[wire.Event]:
        body = await self._get(calls.events(engine.prefix, since, until))
        return wire.decode_lines(wire.EVENT, body, "the events")

    # ------------------------------------------------------------------------ inspect

    async def _inspect(
        self, engine: Engine, rows: Sequence[wire.Row], news: News, *, everything: bool
    ) -> None:
        """Inspect what may have changed; what is known of the others stays as it is."""
        self._enter("inspect")
        known = dict(self._memory.known)
        doubtful = [
            row
            for row in rows
            if everything
            or (before := known.get(row.id)) is None
            or before.row != row
            or row.id in news.touched
        ]
        if doubtful:
            paths = [calls.inspect(engine.prefix, row.id) for row in doubtful]
            answers = await self._client.get_all(paths, min(_INSPECT_LANES, len(paths)))
            for row, answer in zip(doubtful, answers, strict=True):
                self._learn(known, row, answer)
        self._memory.known = {row.id: known[row.id] for row in rows if row.id in known}

    def _learn(self, known: dict[str, Known], row: wire.Row, answer: Answer) -> None:
        """Keep what an inspection told of a container in `known`, or drop it where it is gone."""
        before = known.pop(row.id, None)
        if answer.status == 404:  # removed since it was listed
            return
        if answer.status >= 500:  # one broken container must not hide the others; asked again soon
            known[row.id] = Known(None, row_facts(row, self._labels))
            return
        what = "GET /containers/{id}/json"
        seen = wire.decode(wire.INSPECTION, body_of(answer, what), what)
        facts = self._with_digest(container_facts(row, seen, self._labels))
        if before and before.facts.health is facts.health is Health.UNHEALTHY:
            # Each check says it in other words: those of the change are kept.
            facts = replace(facts, health_output=before.facts.health_output)
        if before and before.facts == facts:
            facts = before.facts  # the registry compares by identity first
        known[row.id] = Known(row, facts)

    # ------------------------------------------------------------------------ images

    async def _learn_digests(self, engine: Engine) -> None:
        """Ask for the images where one is new; an engine that does not tell has none with a digest."""
        digests, now = self._memory.digests, self._now()
        if not digests.is_due(now):
            return
        self._enter("images")
        known = self._memory.known
        digests.begin((container.facts.image_id for container in known.values()), now)
        try:
            answer = await self._client.get(calls.images(engine.prefix))
            images = wire.decode(wire.IMAGES, body_of(answer, "GET /images/json"), "the images")
        except Failed:  # a digest is not worth a scrape
            return
        digests.learn(images)
        for container_id, container in known.items():
            facts = self._with_digest(container.facts)
            if facts != container.facts:
                known[container_id] = Known(container.row, facts)

    def _with_digest(self, facts: ContainerFacts) -> ContainerFacts:
        digest = self._memory.digests.of(facts.image_id, facts.image)
        return facts if digest == facts.image_digest else replace(facts, image_digest=digest)

    # ------------------------------------------------------------------------ stats

    async def _read_stats(
        self, engine: Engine, containers: Iterable[ContainerFacts]
    ) -> tuple[ContainerSample, ...]:
        self._enter("stats")
        ids = [facts.container_id for facts in containers if facts.state in _RUNNING]
        if not ids:
            return ()
        lanes = self._memory.stats_lanes(len(ids))
        paths = [calls.stats(engine.prefix, container_id) for container_id in ids]
        answers = await self._client.get_all(paths, lanes)
        now = self._now()
        self._memory.note_stats(len(ids), lanes, now - self._began_at)
        self._client.keep(self._memory.stats_lanes(len(ids)))
        ahead = self._clock() - now
        samples = (_sample(*pair, ahead) for pair in zip(ids, answers, strict=True))
        return tuple(sample for sample in samples if sample is not None)

    async def _get(self, path: str) -> bytes:
        return body_of(await self._client.get(path), f"GET {path.partition('?')[0]}")


def _sample(container_id: str, answer: Answer, ahead: float) -> ContainerSample | None:
    """Read one container's stats; None where it stopped, went away or cannot be measured."""
    if answer.status in {404, 409} or answer.status >= 500 or not answer.body.strip():
        return None
    what = "GET /containers/{id}/stats"
    stats = wire.decode(STATS, body_of(answer, what), what)
    return container_sample(container_id, stats, answer.received_at + ahead)
