"""A person's Docker contexts as nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.answers import Node, decode
from cli.faults import BadInput
from cli.options import given
from cli.output import WARN, note

if TYPE_CHECKING:
    from cli.client import Api
    from collector.docker.contexts import DockerContext


def watch_contexts(api: Api, ssh_credential: str | None) -> None:
    """Watch every Docker context of the person, with its certificates; known names stay as they are."""
    from collector.docker.contexts import ContextsError, docker_contexts

    known = {decode(item, Node).name for item in api.items("/nodes")}
    try:
        contexts = list(docker_contexts())
    except ContextsError as error:
        raise BadInput(str(error)) from None
    for context in contexts:
        if context.name in known:
            note(f"{context.name} is a node already")
            continue
        _watch(api, context, ssh_credential)
    if not contexts:
        note("there is no Docker context but the default one")


def _watch(api: Api, context: DockerContext, ssh_credential: str | None) -> None:
    """Watch one context; one that cannot be watched is told and left out."""
    uses = ssh_credential if context.docker_url.startswith("ssh://") else None
    try:
        if context.tls:
            uses = context.name
            secret = {"kind": "tls", **context.tls}
            api.send("POST", "/credentials", {"name": uses, "secret": secret})
        body = given(name=context.name, docker_url=context.docker_url, credential=uses)
        api.send("POST", "/nodes", body)
    except BadInput as refused:
        note(f"{context.name} ({context.docker_url}): {refused}", WARN)
        return
    note(f"{context.name} is watched at {context.docker_url}")
