"""How a node or a container stands: a word, its colour, and whether somebody should look at it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from cli.answers import Container, Domain, Node
from cli.output import BAD, GOOD, QUIET, WARN
from registry.durations import parse_duration
from registry.facts.containers import ContainerState, Health

# A target that was just added may wait so long for its first answer, time-out included.
_FIRST_SECONDS = 60
# The greatest interval that a node can have, assumed where the default holds: the API does not say it.
_LONGEST_SECONDS = 120.0
# 143 is SIGTERM: what `docker stop` does to most.
_STOPPED = (0, 143)
_NO_COLLECTOR = "is a collector running? `vsa up` runs one, and so does `vsa collector`"


@dataclass(frozen=True, slots=True)
class Standing:
    """`word` in the colour of `style`; `since` is the moment from which it has been so, if known."""

    word: str
    style: str
    is_well: bool = True
    detail: str = ""
    since: datetime | None = None

    @property
    def text(self) -> Text:
        """The word in its colour."""
        return Text(self.word, self.style)


def is_new(created_at: datetime, at: datetime) -> bool:
    """Tell whether a target was added so lately that nobody need have asked it."""
    return (at - created_at).total_seconds() < _FIRST_SECONDS


def is_seen(node: Node, at: datetime) -> bool:
    """Tell whether what was last seen of a node still counts as now."""
    asked, state = node.state.last_attempt_at, node.state
    return bool(
        node.enabled
        and asked
        and not state.failure
        and (at - asked).total_seconds() <= _patience(node)
    )


def of_node(node: Node, at: datetime) -> Standing:
    """Judge a node by its last scrape, and by how long ago that was."""
    state = node.state
    seen = state.last_success_at or node.created_at
    if not node.enabled:
        return Standing("disabled", QUIET)
    if state.last_attempt_at is None:
        return Standing(
            "not asked yet", WARN, is_new(node.created_at, at), _NO_COLLECTOR, node.created_at
        )
    if state.failure:
        word = state.failure.reason.replace("_", " ")
        return Standing(word, BAD, is_well=False, detail=state.failure.detail, since=seen)
    if not is_seen(node, at):
        return Standing("not asked", BAD, is_well=False, detail=_NO_COLLECTOR, since=seen)
    if state.same_engine_as:
        return Standing("up", WARN, detail=f"the same engine as {', '.join(state.same_engine_as)}")
    return Standing("up", GOOD)


def of_container(container: Container, *, is_current: bool) -> Standing:
    """Judge a container; one whose node is not seen now is unknown, whatever it was."""
    if not is_current:
        return Standing("unknown", QUIET, detail=f"was {container.state}")
    if container.state is ContainerState.EXITED:
        return _of_exited(container)
    if container.state in {ContainerState.RESTARTING, ContainerState.DEAD}:
        return Standing(container.state, BAD, is_well=False, since=container.seen_from)
    if container.health is Health.UNHEALTHY:
        said = container.health_output or ""
        return Standing("unhealthy", BAD, is_well=False, detail=said, since=container.seen_from)
    running = container.state is ContainerState.RUNNING
    return Standing(container.state, GOOD if running else QUIET, since=container.started_at or None)


def _of_exited(container: Container) -> Standing:
    word = f"exited {container.exit_code}"
    if container.oom_killed:
        return Standing(
            word, BAD, is_well=False, detail="out of memory", since=container.finished_at
        )
    if container.exit_code in _STOPPED:
        return Standing(word, QUIET, since=container.finished_at)
    return Standing(word, BAD, is_well=False, since=container.finished_at)


def _patience(node: Node) -> float:
    """Return the seconds after which a scrape is overdue: as the exporter's `stale_after`."""
    interval = parse_duration(node.interval) if node.interval else _LONGEST_SECONDS
    return max(3 * interval, 60.0)


def of_domain(domain: Domain, at: datetime) -> Standing | None:
    """Judge a domain as a whole; None when its addresses tell."""
    state = domain.state
    if not domain.enabled:
        return Standing("disabled", QUIET)
    if state.last_attempt_at is None:
        new = is_new(domain.created_at, at)
        return Standing("not asked yet", WARN, new, _NO_COLLECTOR, domain.created_at)
    if state.failure and not any(one.failure for one in state.endpoints):
        word = state.failure.reason.replace("_", " ")
        seen = state.last_success_at or domain.created_at
        return Standing(word, BAD, is_well=False, detail=state.failure.detail, since=seen)
    return None
