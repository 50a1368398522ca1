"""Where a person's own Docker settings say the local engine is: the Docker SDK reads them."""

from __future__ import annotations

from typing import Final

_DEFAULT: Final = "unix:///var/run/docker.sock"


def local_docker_url(docker_host: str | None) -> str:
    """Return the local engine's URL: `docker_host` where it is set, else where `docker` would look.

    That is DOCKER_HOST, then the context of DOCKER_CONTEXT or of ~/.docker/config.json, then the
    socket of a plain installation. Settings that cannot be read count as none.
    """
    if docker_host:
        return docker_host
    # Here, because the SDK brings requests and urllib3 into the memory of whoever imports it.
    from docker.context import ContextAPI  # noqa: PLC0415
    from docker.utils import kwargs_from_env  # noqa: PLC0415

    try:
        url = kwargs_from_env().get("base_url") or ContextAPI.kwargs_from_context().get("base_url")
    except Exception:  # noqa: BLE001 - the SDK raises bare Exception for a broken context file
        url = None
    # The SDK's own spelling of a socket, which people copy.
    return (url or _DEFAULT).removeprefix("http+")
