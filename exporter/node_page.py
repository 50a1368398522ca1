"""`/metrics/nodes/{name}`: one node's containers, by cAdvisor's names.

The text of what changes rarely is kept by the node's version; a scrape reads one row of samples and
joins its numbers to it. Every series carries the collector's time of receipt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from exporter import samples as numbers
from exporter.containers import Containers, describe
from registry.fleet import NodePage, NodeStatus, is_fresh, read_node_numbers, read_node_page
from registry.rules import node_name
from registry.schedule import Defaults
from registry.session import Connection, database_now

# A name can pass to another node whose version is the same; its birth tells the two apart.
Version = tuple[datetime, int]
_NOTHING: tuple[Version | None, Containers] = (None, describe(None, ()))


@dataclass(frozen=True, slots=True)
class Answer:
    """A page of metrics, or the sentence that says why there is none."""

    status: HTTPStatus
    text: str


class NodePages:
    """Writes the pages of nodes, and keeps what of them can be kept."""

    def __init__(self, defaults: Defaults) -> None:
        self._defaults = defaults
        self._kept: dict[str, tuple[Version, Containers]] = {}

    async def answer(self, tx: Connection, name: str) -> Answer:
        """Write one node's page; `tx` sees one snapshot of the database from begin to end."""
        page = await read_node_numbers(tx, name, self._defaults) if _can_be_a_name(name) else None
        if page is None:
            self._kept.pop(name, None)
            return Answer(HTTPStatus.NOT_FOUND, "There is no node of that name.\n")
        if not is_fresh(page.status, await database_now(tx)):
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, _why_stale(page.status))
        containers = await self._containers(tx, page.status)
        return Answer(HTTPStatus.OK, render(page, containers))

    async def _containers(self, tx: Connection, status: NodeStatus) -> Containers:
        version = (status.created_at, status.version)
        kept_version, containers = self._kept.get(status.name, _NOTHING)
        if kept_version != version:
            page = await read_node_page(tx, status.name, self._defaults)
            assert page is not None, "the snapshot that holds its status holds the node"
            containers = describe(page.status.engine, page.containers)
            self._kept[status.name] = (version, containers)
        return containers


def render(page: NodePage, containers: Containers) -> str:
    """Write a page: states as of the last success, numbers as of their own receipt."""
    assert page.status.last_success_at is not None, "fresh data was received"
    seen = page.status.last_success_at.timestamp()
    kept = containers.render(seen, page.ooms)
    return "".join([*kept, *numbers.render(containers, page.samples)])


def _can_be_a_name(name: str) -> bool:
    try:
        node_name(name)
    except ValueError:
        return False
    return True


def _why_stale(status: NodeStatus) -> str:
    when = f"since {_clock(status.last_success_at)}" if status.last_success_at else "yet"
    return f"There is no fresh data of node {status.name} {when}: {_why(status)}\n"


def _why(status: NodeStatus) -> str:
    if not status.enabled:
        return "it is disabled."
    if status.failure:
        return f"{status.failure.reason}: {status.failure.detail}"
    if status.last_attempt_at is None:
        return "no collector has asked it."
    return f"no collector has asked it since {_clock(status.last_attempt_at)}."


def _clock(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="seconds")
