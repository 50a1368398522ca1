"""The Docker engine of this machine: where it is, and whether it answers."""

from __future__ import annotations

import socket

from collector.docker.local import local_docker_url
from registry.settings import Settings

_SECONDS = 3
_QUESTION = b"GET /version HTTP/1.1\r\nHost: docker\r\n\r\n"
_TROUBLE: dict[type[OSError], str] = {
    FileNotFoundError: "no such socket",
    ConnectionRefusedError: "nobody listens there; is Docker stopped?",
    PermissionError: "this user may not open it; is it in the group docker?",
    TimeoutError: "it does not answer",
}


def engine_url(settings: Settings) -> str:
    """Return VSA_DOCKER_HOST, else where Docker's own settings say that the engine is."""
    return local_docker_url(settings.docker_host)


def engine_trouble(url: str) -> str | None:
    """Say why the engine at `url` does not answer; None when it does."""
    if not url.startswith("unix://"):
        return "only unix:// sockets are watched by themselves"
    try:
        with socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(_SECONDS)
            wire.connect(url.removeprefix("unix://"))
            wire.sendall(_QUESTION)
            answer = wire.recv(64)
    except OSError as error:
        return _TROUBLE.get(type(error), str(error))
    return None if answer.startswith(b"HTTP/1.") else "what answers there is no engine"
