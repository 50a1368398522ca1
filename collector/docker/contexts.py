"""A person's Docker contexts, as nodes and credentials (`~/.docker/contexts`, read by the Docker SDK)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TLS_FILES = {"ca": "ca.pem", "certificate": "cert.pem", "key": "key.pem"}


class ContextsError(Exception):
    """Docker's contexts cannot be read; the message says which file and why."""


@dataclass(frozen=True, slots=True)
class DockerContext:
    """A context: its node's name, its URL, and its TLS material by field; empty without TLS."""

    name: str
    docker_url: str
    tls: dict[str, str]


def docker_contexts() -> Iterator[DockerContext]:
    """Yield the contexts that a person made; the default one is this machine's engine. Raises ContextsError."""
    # Here, because the SDK brings requests and urllib3 into the memory of whoever imports it.
    from docker.context import ContextAPI  # noqa: PLC0415

    try:
        found = [context for context in ContextAPI.contexts() if context.name != "default"]
    except Exception as error:  # noqa: BLE001 - the SDK raises bare Exception for a broken file
        raise ContextsError(f"Docker's contexts cannot be read: {error}") from None
    for context in sorted(found, key=lambda one: one.name):
        url = context.endpoints.get("docker", {}).get("Host", "")
        folder = Path(context.tls_path) / "docker"
        yield DockerContext(_node_name(context.name), url, _material(folder))


def _node_name(name: str) -> str:
    return re.sub(r"[^a-z0-9._-]", "-", name.lower()).lstrip("._-")[:63] or "context"


def _material(folder: Path) -> dict[str, str]:
    try:
        return {
            field: (folder / file).read_text(encoding="ascii")
            for field, file in _TLS_FILES.items()
            if (folder / file).exists()
        }
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not PEM"
        raise ContextsError(f"{folder}: {reason}") from None
