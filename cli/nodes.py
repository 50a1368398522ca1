"""`vsa node`: the Docker hosts that are watched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer
from rich.text import Text

from cli import standing
from cli.answers import Container, Node, decode, part, whole
from cli.connection import connect, own_settings
from cli.contexts import watch_contexts
from cli.engines import engine_pairs
from cli.faults import BadInput, CannotReach
from cli.lines import (
    CONTAINER_HEADERS,
    NODE_HEADERS,
    container_line,
    containers_of,
    node_line,
)
from cli.node_check import check_node
from cli.node_history import list_changes, list_restarts, show_past
from cli.options import (
    Enabled,
    Interval,
    Json,
    Labels,
    Timeout,
    Unasked,
    Unlabel,
    confirm,
    demand_yes,
    given,
    moment,
    read_labels,
)
from cli.output import STRONG, WARN, list_lines, note, pairs, print_json, say
from cli.words import ago, now, plain

if TYPE_CHECKING:
    from cli.client import Api

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The node's name.")]
CredentialName = Annotated[
    str | None, typer.Option(metavar="NAME", help="What it wants to see of us: a credential.")
]
HostKey = Annotated[
    str | None,
    typer.Option(metavar="KEY", help="The only key that its sshd may show: ssh-ed25519 AAAA…"),
]


@app.command("add")
def add_node(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="What to call it.", show_default=False)
    ] = None,
    docker_url: Annotated[
        str | None,
        typer.Argument(metavar="[DOCKER_URL]", help="Default: this machine's engine."),
    ] = None,
    *,
    labels: Labels = None,
    interval: Interval = None,
    timeout: Timeout = None,
    credential: CredentialName = None,
    host_key: HostKey = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Do not ask it yet.")] = False,
    from_contexts: Annotated[
        bool, typer.Option("--from-contexts", help="Watch every Docker context of yours instead.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Watch a node, and ask it at once.

    Docker contexts bring their certificates with them; those that are watched stay as they are. Your
    own SSH keys stay yours: contexts over ssh:// get the credential that you name.

    Example: vsa node add web-1 ssh://vsa@web-1.example.com --credential fleet
    """
    if from_contexts and name is not None:
        raise BadInput("--from-contexts: the nodes are called as the contexts are, without NAME")
    api = connect()
    if from_contexts:
        watch_contexts(api, credential)
        return
    if name is None:
        raise BadInput("NAME: say what to call the node, or --from-contexts")
    body = given(
        name=name,
        docker_url=docker_url or _local_url(),
        labels=read_labels(labels),
        enabled=not disabled,
        interval=interval,
        timeout=timeout,
        credential=credential,
        host_key=host_key,
    )
    added = api.send("POST", "/nodes", body)
    if not disabled:
        note(f"added; asking {name} …")
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
    credential: CredentialName = None,
    host_key: HostKey = None,
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
        credential=credential,
        host_key=host_key,
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
def show_node(
    name: Name,
    *,
    at_time: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="TIME", help="How it was then: RFC 3339, or 2h for so long ago."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show a node, its engine and its containers; or what ran on it at a moment.

    Example: vsa node show web-1 --at 2h
    """
    api = connect()
    if at_time is not None:
        show_past(api, name, moment(at_time), as_json=as_json)
        return
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


app.command("check")(check_node)
app.command("changes")(list_changes)
app.command("restarts")(list_restarts)


@app.command("trust")
def trust_node(
    name: Name,
    *,
    fingerprint: Annotated[
        str | None, typer.Option(metavar="SHA256:…", help="Trust this key and no other; not asked.")
    ] = None,
) -> None:
    """Register the host key that an ssh:// node showed, once you know that it is right.

    The node says it by: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub

    Example: vsa node trust web-1
    """
    from registry.key_material import ssh_fingerprint

    api = connect()
    shown = decode(api.get(_path(name)), Node).state.shown_host_key
    if shown is None:
        raise BadInput(f"{name} shows no host key that is not registered")
    found = ssh_fingerprint(shown)
    if fingerprint not in {None, found}:
        raise BadInput(f"--fingerprint: {name} shows {found}")
    question = f"{name} shows the host key {found}. Is that right?"
    demand_yes(question, yes=fingerprint is not None, option="--fingerprint")
    api.send("PATCH", _path(name), {"host_key": shown})
    note(f"registered; asking {name} …")
    _show(decode(_first_look(api, name) or api.get(_path(name)), Node))


@app.command("rm")
def remove_node(name: Name, *, yes: Unasked = False) -> None:
    """Stop watching a node, and forget what was seen of it.

    Example: vsa node rm web-1
    """
    confirm(f"Stop watching {name}, and forget its whole history?", yes=yes)
    connect().send("DELETE", _path(name))
    note(f"{name} is no longer watched")


def _show(node: Node) -> None:
    at = now()
    stands = standing.of_node(node, at)
    say(Text.assemble((node.name, STRONG), "  ", stands.text))
    pairs(
        (
            ("why", Text(plain(stands.detail), stands.style)),
            *engine_pairs(node.state, at),
            ("containers", containers_of(node)),
            ("last seen", ago(node.state.last_success_at, at)),
            ("url", node.docker_url),
            ("credential", node.credential or ""),
            ("host key", node.host_key or ""),
            ("labels", ", ".join(f"{key}={value}" for key, value in node.labels.items())),
            ("interval", node.interval or ""),
        )
    )


def _first_look(api: Api, name: str) -> bytes | None:
    """Have a new node asked, and return it as it is then; None when no collector is there to ask."""
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
