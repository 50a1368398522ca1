"""`vsa node`: the Docker hosts that are watched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer
from rich.text import Text

from cli import standing
from cli.answers import Container, Node, NodeOutcome, decode, part, whole
from cli.connection import connect, own_settings
from cli.faults import CannotReach
from cli.lines import (
    CONTAINER_HEADERS,
    NODE_HEADERS,
    container_line,
    containers_of,
    node_line,
)
from cli.options import Enabled, Interval, Json, Labels, Timeout, Unlabel, given, read_labels
from cli.output import STRONG, WARN, list_lines, note, pairs, print_json, say
from cli.words import ago, count, now, plain
from registry.facts import EngineFacts

if TYPE_CHECKING:
    from cli.client import Api

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The node's name.")]


@app.command("add")
def add_node(
    name: Name,
    docker_url: Annotated[
        str | None,
        typer.Argument(metavar="[DOCKER_URL]", help="Default: this machine's engine."),
    ] = None,
    *,
    labels: Labels = None,
    interval: Interval = None,
    timeout: Timeout = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Do not ask it yet.")] = False,
    as_json: Json = False,
) -> None:
    """Watch a node, and ask it at once.

    Example: vsa node add web-1 unix:///run/docker.sock --label site=berlin
    """
    api = connect()
    body = given(
        name=name,
        docker_url=docker_url or _local_url(),
        labels=read_labels(labels),
        enabled=not disabled,
        interval=interval,
        timeout=timeout,
    )
    added = api.send("POST", "/nodes", body)
    if not disabled:
        added = _first_look(api, name) or added
    if as_json:
        print_json(added)
    else:
        _show(decode(added, Node))


@app.command("set")
def change_node(
    name: Name,
    *,
    new_name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Rename it.")
    ] = None,
    docker_url: Annotated[
        str | None, typer.Option("--url", metavar="DOCKER_URL", help="Where its engine is.")
    ] = None,
    labels: Labels = None,
    unlabel: Unlabel = None,
    interval: Interval = None,
    timeout: Timeout = None,
    enabled: Enabled = None,
    as_json: Json = False,
) -> None:
    """Change a node.

    Only what is given changes; `default` brings a default back.

    Example: vsa node set web-1 --interval 30s --unlabel site
    """
    body = given(
        name=new_name,
        docker_url=docker_url,
        labels=read_labels(labels, unlabel) or None,
        enabled=enabled,
        interval=interval,
        timeout=timeout,
    )
    changed = connect().send("PATCH", _path(name), body)
    if as_json:
        print_json(changed)
    else:
        _show(decode(changed, Node))


@app.command("list")
def list_nodes(
    *,
    label: Annotated[
        str | None, typer.Option(metavar="KEY=VALUE", help="Only nodes with this label.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List nodes by name.

    Example: vsa node list --label site=berlin
    """
    items = connect().items("/nodes", label=label)
    if as_json:
        print_json(whole(items))
    elif items:
        at = now()
        list_lines(NODE_HEADERS, [node_line(decode(item, Node), at) for item in items])
    else:
        say("No node is watched. Try: vsa node add NAME unix:///run/docker.sock")


@app.command("show")
def show_node(name: Name, *, as_json: Json = False) -> None:
    """Show a node, its engine and its containers.

    Example: vsa node show web-1
    """
    api = connect()
    found = api.get(_path(name))
    if as_json:
        print_json(found)
        return
    node, at = decode(found, Node), now()
    _show(node)
    current = {name} if standing.is_seen(node, at) else set()
    containers = [decode(item, Container) for item in api.items("/containers", node=name)]
    say()
    list_lines(CONTAINER_HEADERS, [container_line(one, current, at) for one in containers])


@app.command("check")
def check_node(name: Name, *, as_json: Json = False) -> None:
    """Ask a node now, and say what came of it.

    Exit code 3 when it does not answer.

    Example: vsa node check web-1
    """
    note(f"asking {name} …")
    answer = connect().send("POST", f"{_path(name)}/scrape")
    outcome = decode(answer, NodeOutcome)
    if as_json:
        print_json(answer)
    else:
        _show(outcome.node)
    if outcome.failure:
        raise typer.Exit(CannotReach.exit_code)


@app.command("rm")
def remove_node(name: Name) -> None:
    """Stop watching a node, and forget what was seen of it.

    Example: vsa node rm web-1
    """
    connect().send("DELETE", _path(name))
    note(f"{name} is no longer watched")


def _show(node: Node) -> None:
    at = now()
    stands = standing.of_node(node, at)
    engine = node.state.engine
    say(Text.assemble((node.name, STRONG), "  ", stands.text))
    pairs(
        (
            ("why", Text(plain(stands.detail), stands.style)),
            ("engine", f"{engine.version}, API {engine.api_version}" if engine else ""),
            ("system", f"{engine.operating_system}, {engine.architecture}" if engine else ""),
            ("machine", _machine(engine) if engine else ""),
            ("containers", containers_of(node)),
            ("last seen", ago(node.state.last_success_at, at)),
            ("url", node.docker_url),
            ("labels", ", ".join(f"{key}={value}" for key, value in node.labels.items())),
            ("interval", node.interval or ""),
        )
    )


def _machine(engine: EngineFacts) -> str:
    return f"{count(engine.cpus, 'CPU')}, {engine.memory_bytes / (1 << 30):.1f} GiB"


def _first_look(api: Api, name: str) -> bytes | None:
    """Have a new node asked, and return it as it is then; None when no collector is there to ask."""
    note(f"added; asking {name} …")
    try:
        outcome = api.send("POST", f"{_path(name)}/scrape")
    except CannotReach as error:  # it is added all the same
        note(str(error), WARN)
        return None
    return part(outcome, "node")


def _local_url() -> str:
    from cli.local_engine import engine_url

    return engine_url(own_settings())


def _path(name: str) -> str:
    return f"/nodes/{quote(name, safe='')}"
