"""Nodes, containers and domains as lines of a table: the same in lists and in `vsa status`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from rich.text import Text

from cli import standing
from cli.answers import Container, Domain, Node
from cli.endpoints import Seen, of_endpoint
from cli.life import left
from cli.output import QUIET, Line
from cli.standing import Standing
from cli.words import ago, count, span

NODE_HEADERS = ("node", "state", "seen", "containers", "why")
CONTAINER_HEADERS = ("node", "container", "state", "for", "image", "why")
DOMAIN_HEADERS = ("#", "domain", "verdict", "life", "address", "why")


def node_line(node: Node, at: datetime) -> Line:
    """Show a node: how it stands, when it was seen, its containers."""
    stands = standing.of_node(node, at)
    seen = Text(ago(node.state.last_success_at, at), QUIET)
    return Line(stands.is_well, (node.name, stands.text, seen, containers_of(node), stands.detail))


def containers_of(node: Node) -> str:
    """Sum up a node's containers: `12 running, 1 exited`."""
    return ", ".join(f"{number} {state}" for state, number in node.state.containers.items())


def container_line(container: Container, current: Collection[str], at: datetime) -> Line:
    """Show a container; `current` names the nodes that are seen now."""
    stands = standing.of_container(container, is_current=container.node in current)
    image = Text(container.image, QUIET)
    return Line(
        stands.is_well,
        (container.node, container.name, stands.text, _length(stands, at), image, stands.detail),
    )


def domain_lines(domain: Domain, at: datetime) -> list[Line]:
    """Show a domain: a line for all addresses that show the same."""
    stands = standing.of_domain(domain, at)
    if stands:
        return [_domain_line(domain, stands)]
    alike: dict[tuple[object, ...], list[Seen]] = {}
    for seen in map(of_endpoint, domain.state.endpoints):
        alike.setdefault((seen.failure, seen.verdict, seen.fingerprint), []).append(seen)
    return [_endpoints_line(domain, group, at) for group in alike.values()]


def _domain_line(domain: Domain, stands: Standing) -> Line:
    cells = (str(domain.id), domain.title, stands.text, "", "", stands.detail)
    return Line(stands.is_well, cells)


def _endpoints_line(domain: Domain, group: list[Seen], at: datetime) -> Line:
    seen = group[0]
    where = seen.address if len(group) == 1 else count(len(group), "address")
    life = "" if seen.failure else left(seen.life(at))
    cells = (str(domain.id), domain.title, seen.standing(at), life, where, "; ".join(seen.details))
    return Line(seen.is_well(at), cells)


def _length(stands: Standing, at: datetime) -> Text:
    return Text(span((at - stands.since).total_seconds()) if stands.since else "", QUIET)
