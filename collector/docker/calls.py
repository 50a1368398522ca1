"""Every request that is ever sent to an engine: all GET, all read-only.

Docker Engine API 1.41 … 1.52; Podman's compatible API answers the same. A container id is put into
a path only after `collector.docker.wire` has proved that it is hexadecimal.
"""

from __future__ import annotations

VERSION = "/version"


def info(api: str) -> str:
    """Ask what the engine and its machine are; dear for the engine, so asked rarely."""
    return f"/v{api}/info"


def containers(api: str) -> str:
    """Ask for every container, stopped ones too."""
    return f"/v{api}/containers/json?all=1"


def inspect(api: str, container_id: str) -> str:
    """Ask for all that is known of one container."""
    return f"/v{api}/containers/{container_id}/json"


def stats(api: str, container_id: str) -> str:
    """Ask for one container's numbers once, without the engine's second reading a second later."""
    return f"/v{api}/containers/{container_id}/stats?stream=0&one-shot=1"


def images(api: str) -> str:
    """Ask for every image with its digests; asked when a container's image is new to us."""
    return f"/v{api}/images/json"


def disk_usage(api: str) -> str:
    """Ask what takes room on the disk; may take minutes, so asked only where that is wished for."""
    return f"/v{api}/system/df"


def events(api: str, since_nano: int, until_nano: int) -> str:
    """Ask for what happened between two moments of the engine's own clock, both included.

    No filter: noise shows, too, that the engine still holds all events since the first moment.
    """
    return f"/v{api}/events?since={_seconds(since_nano)}&until={_seconds(until_nano)}"


def _seconds(nano: int) -> str:
    return f"{nano // 1_000_000_000}.{nano % 1_000_000_000:09d}"
