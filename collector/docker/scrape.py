"""One scrape of one node, phase by phase: connect, list, events, inspect, stats."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from collector.docker import calls, wire
from collector.docker.events import SECOND, News, read, window
from collector.docker.failures import Failed
from collector.docker.http import Answer
from collector.docker.interpret import container_facts, engine_facts, moment, row_facts
from collector.docker.memory import Engine, Known, Memory
from collector.docker.samples import container_sample
from collector.docker.versions import negotiate
from collector.docker.wire_stats import STATS
from registry.facts import (
    ContainerFacts,
    ContainerSample,
    ContainerState,
    Cost,
    FailureReason,
    NodeFacts,
    NodeQuestion,
)

_DOING: Final = {
    "connect": "connecting and asking for its version",
    "list": "listing its containers",
    "events": "reading its events",
    "inspect": "inspecting containers",
    "stats": "reading containers' stats",
}
_ASK_ENGINE_EVERY: Final = 300.0
_INSPECT_LANES: Final = 4
# A list within the bytes budget may still name so many that inspecting them never ends.
_MOST_CONTAINERS: Final = 10_000
# Podman's log is read up to `until` only when that has not passed yet.
_PODMAN_LAG: Final = SECOND // 5
_LAST_MINUTE: Final = 60 * SECOND
_REASONS: Final = {401: FailureReason.AUTH, 403: FailureReason.FORBIDDEN}
_RUNNING: Final = {ContainerState.RUNNING, ContainerState.PAUSED}


class Scrape:
    """Asks one node once; `doing` says with what it is busy."""

    def __init__(self, memory: Memory, question: NodeQuestion, clock: Callable[[], float]) -> None:
        self._memory = memory
        self._client = memory.client
        self._client.max_bytes = question.max_bytes
        self._question = question
        self._clock = clock
        self._now = time.monotonic
        self._phase = "connect"
        self._seconds = dict.fromkeys(_DOING, 0.0)
        self._began_at = self._now()
        self._before = self._client.requests, self._client.received_bytes

    @property
    def doing(self) -> str:
        """The present phase, for a sentence."""
        return _DOING[self._phase]

    async def run(self) -> NodeFacts:
        """Ask; raises Failed or OSError."""
        engine, is_new = await self._meet()
        rows = await self._list(engine)
        news = await self._read_events(engine)
        containers = await self._inspect(engine, rows, news, everything=is_new or news.lost)
        samples = await self._read_stats(engine, containers)
        self._enter("done")
        requests, received_bytes = self._before
        return NodeFacts(
            engine=engine.facts,
            containers=containers,
            samples=samples,
            events=news.events,
            cursor=news.cursor,
            events_lost=news.lost,
            received_at=self._clock(),
            cost=Cost(
                self._client.requests - requests,
                self._client.received_bytes - received_bytes,
                self._seconds,
            ),
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
        info = wire.decode(wire.INFO, _body(answer, "GET /info"), "GET /info")
        if system_time := moment(info.system_time):
            # Docker reads its clock first and then works for 20 ms; Podman works for 800 ms first.
            self._memory.clock.set(system_time, answer.received_at if podman else asked_at)
        return Engine(engine_facts(version, info), api, podman, self._began_at)

    # ------------------------------------------------------------------------ list

    async def _list(self, engine: Engine) -> list[wire.Row]:
        self._enter("list")
        answer = await self._client.get(calls.containers(engine.prefix))
        rows = wire.decode(wire.ROWS, _body(answer, "GET /containers/json"), "the container list")
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
    ) -> tuple[ContainerFacts, ...]:
        """Inspect what may have changed; return all containers, those unchanged as they were."""
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
                _learn(known, row, answer)
        self._memory.known = {row.id: known[row.id] for row in rows if row.id in known}
        return tuple([container.facts for container in self._memory.known.values()])

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
        ahead = self._clock() - now
        samples = (_sample(*pair, ahead) for pair in zip(ids, answers, strict=True))
        return tuple(sample for sample in samples if sample is not None)

    async def _get(self, path: str) -> bytes:
        return _body(await self._client.get(path), f"GET {path.partition('?')[0]}")


def _learn(known: dict[str, Known], row: wire.Row, answer: Answer) -> None:
    """Keep what an inspection told of a container in `known`, or drop it where it is gone."""
    before = known.pop(row.id, None)
    if answer.status == 404:  # removed since it was listed
        return
    if answer.status >= 500:  # one broken container must not hide the others; asked again soon
        known[row.id] = Known(None, row_facts(row))
        return
    what = "GET /containers/{id}/json"
    facts = container_facts(row, wire.decode(wire.INSPECTION, _body(answer, what), what))
    if before and before.facts == facts:
        facts = before.facts  # the registry compares by identity first
    known[row.id] = Known(row, facts)


def _sample(container_id: str, answer: Answer, ahead: float) -> ContainerSample | None:
    """Read one container's stats; None where it stopped, went away or cannot be measured."""
    if answer.status in {404, 409} or answer.status >= 500 or not answer.body.strip():
        return None
    what = "GET /containers/{id}/stats"
    stats = wire.decode(STATS, _body(answer, what), what)
    return container_sample(container_id, stats, answer.received_at + ahead)


def _body(answer: Answer, what: str) -> bytes:
    """Return the body of a good answer; raises Failed with the engine's own words otherwise."""
    if answer.status == 200:
        return answer.body
    reason = _REASONS.get(answer.status, FailureReason.PROTOCOL)
    raise Failed(reason, f"{what} answered {answer.status}: {_message(answer.body)}")


def _message(body: bytes) -> str:
    try:
        return wire.decode(wire.MESSAGE, body, "an error").message
    except Failed:
        return body[:200].decode(errors="replace")
