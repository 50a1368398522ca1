"""The Docker engine of this machine: where it is, and whether it answers."""

from __future__ import annotations

import re
import socket
from collections.abc import Collection
from itertools import count
from pathlib import Path

import httpx

from collector.docker.local import local_docker_url
from registry.settings import Settings

_SECONDS = 3


def engine_url(settings: Settings) -> str:
    """Return VSA_DOCKER_HOST, else where Docker's own settings say that the engine is."""
    return local_docker_url(settings.docker_host)


def engine_trouble(url: str) -> str | None:
    """Say why the engine at `url` does not answer; None when it does."""
    if not url.startswith("unix://"):
        return "only unix:// sockets are watched by themselves"
    path = Path(url.removeprefix("unix://"))
    if not path.exists():
        return "no such socket"
    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), timeout=_SECONDS) as client:
            client.get("http://docker/_ping").raise_for_status()
    except httpx.HTTPError as error:
        return f"it does not answer: {str(error) or type(error).__name__}"
    return None


def same_engine(url: str, other: str) -> bool:
    """Tell whether two URLs lead to one socket: /var/run is a link to /run on most systems."""
    return _real(url) == _real(other)


def node_name(taken: Collection[str]) -> str:
    """Return this machine's name as a node can have it and no other node has."""
    name = re.sub(r"[^a-z0-9._-]", "-", socket.gethostname().lower()).lstrip("._-")[:60] or "local"
    numbered = (f"{name}-{number}" for number in count(2))
    return name if name not in taken else next(one for one in numbered if one not in taken)


def _real(url: str) -> str:
    return str(Path(url.removeprefix("unix://")).resolve())
