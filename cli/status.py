"""`vsa status`: nodes, containers and certificates at a glance, what is wrong first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import msgspec
import typer
from rich.text import Text

from cli import standing
from cli.answers import Container, Domain, Node, decode
from cli.connection import connect, own_settings
from cli.faults import NOT_WELL
from cli.lines import (
    CONTAINER_HEADERS,
    DOMAIN_HEADERS,
    NODE_HEADERS,
    container_line,
    domain_lines,
    node_line,
)
from cli.options import Json
from cli.output import BAD, GOOD, Line, list_lines, print_json, say
from cli.words import count, now

if TYPE_CHECKING:
    from cli.client import Api

# Each thing with its lines: a domain has several when its addresses differ.
Sections = Mapping[str, Sequence[Sequence[Line]]]

_HEADERS = {"node": NODE_HEADERS, "container": CONTAINER_HEADERS, "domain": DOMAIN_HEADERS}
_MOST = 20


def status(
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Every line, not only what is wrong and the first few.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what is wrong, then how all the rest is.

    Nodes, containers and certificates at a glance. Exit code 1 when something is not well: a node
    that does not answer; a container that is unhealthy, restarting, dead or failed; a certificate
    that is bad or should have been renewed.

    Example: vsa status || echo "somebody should look"
    """
    api = connect()
    items = {name: api.items(f"/{name}") for name in ("nodes", "containers", "domains")}
    sections = _judge(items, now())
    if as_json:
        print_json(msgspec.json.encode(items))
    else:
        _show(api, sections, None if everything else _MOST)
    wrong = any(_is_wrong(group) for groups in sections.values() for group in groups)
    raise typer.Exit(NOT_WELL if wrong else 0)


def _judge(items: Mapping[str, Sequence[msgspec.Raw]], at: datetime) -> Sections:
    nodes = [decode(item, Node) for item in items["nodes"]]
    current = {node.name for node in nodes if standing.is_seen(node, at)}
    containers = (decode(item, Container) for item in items["containers"])
    domains = (decode(item, Domain) for item in items["domains"])
    return {
        "node": [[node_line(node, at)] for node in nodes],
        "container": [[container_line(one, current, at)] for one in containers],
        "domain": [domain_lines(one, at) for one in domains],
    }


def _show(api: Api, sections: Sections, most: int | None) -> None:
    say(_summary(sections))
    say()
    for noun, headers in _HEADERS.items():
        lines = [line for group in sections[noun] for line in group]
        if lines:
            list_lines(headers, lines, most)
            say()
    _show_hints(api, sections)


def _summary(sections: Sections) -> Text:
    """Say in one line how much there is, and how much of it is not well."""
    total = {noun: len(groups) for noun, groups in sections.items()}
    wrong = {noun: sum(map(_is_wrong, groups)) for noun, groups in sections.items()}
    if not any(total.values()):
        return Text("Nothing is watched yet.")
    if not any(wrong.values()):
        return Text("All well: " + ", ".join(count(total[noun], noun) for noun in total), GOOD)
    parts = (f"{wrong[noun]} of {count(total[noun], noun)}" for noun in total if wrong[noun])
    return Text("Not well: " + ", ".join(parts), BAD)


def _is_wrong(group: Sequence[Line]) -> bool:
    return not all(line.is_well for line in group)


def _show_hints(api: Api, sections: Sections) -> None:
    """Say what is missing, and what to try."""
    if not sections["node"]:
        say(f"No Docker host is watched{_local_docker(api)}. Try:")
        say("  vsa node add NAME unix:///path/to/docker.sock")
    if not sections["domain"]:
        say("No certificate is watched. Try:", "  vsa domain add example.com")
    _show_alert_hint()


def _show_alert_hint() -> None:
    from cli.alertmanager import alert_hint

    if hint := alert_hint(own_settings()):
        say(hint)


def _local_docker(api: Api) -> str:
    """Say why `vsa up` found no engine on this machine, when that is where the API is."""
    if urlsplit(api.url).hostname not in {"127.0.0.1", "::1", "localhost"}:
        return ""
    from cli.local_engine import engine_trouble, engine_url

    url = engine_url(own_settings())
    trouble = engine_trouble(url)
    return f", for there is no engine at {url}: {trouble}" if trouble else ""
