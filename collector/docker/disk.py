"""What takes room on nodes' disks: asked beside the scrapes, slowly, a few nodes at a time.

An engine walks every volume to answer, which may take minutes: a scrape never waits for it, and
only those who set VSA_DISK_USAGE_INTERVAL have it asked at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from collector.docker import calls, wire
from collector.docker.answers import body_of
from collector.docker.client import Client
from collector.docker.failures import Failed, failure_of
from collector.docker.memory import Memory
from collector.docker.wire_disk import DISK, Disk, Sums
from registry.facts.nodes import DiskKind, DiskUsage, DiskUse, NodeQuestion
from registry.facts.outcomes import Failure, FailureReason

_AT_ONCE: Final = 4
_TIME_LIMIT: Final = 300.0
_ENDED: Final = {"exited", "dead", "created", "configured", "stopped"}


class DiskWatch:
    """Asks nodes for their disk use every `interval` seconds; `clock` gives Unix seconds."""

    def __init__(self, interval: float | None, clock: Callable[[], float]) -> None:
        self._interval = interval
        self._clock = clock
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def look(self, memory: Memory, question: NodeQuestion, make: Callable[[], Client]) -> None:
        """Begin to ask a node that just answered, if it is due; `make` returns a client of its own.

        The answer is in the node's memory when it has come.
        """
        now = asyncio.get_running_loop().time()
        if self._interval is None or now < memory.disk_due_at:
            return
        memory.disk_due_at = now + self._interval
        task = asyncio.create_task(self._ask(memory, question.max_bytes, make))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop asking."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ask(self, memory: Memory, max_bytes: int, make: Callable[[], Client]) -> None:
        async with self._places:
            engine = memory.engine
            assert engine is not None, "a node that answered is known"
            client = make()
            client.max_bytes = max_bytes
            outcome = await _outcome(client, calls.disk_usage(engine.prefix))
            client.close()
        if isinstance(outcome, Failure):
            memory.disk = replace(memory.disk or DiskUsage(), failure=outcome)
        else:
            memory.disk = DiskUsage(self._clock(), outcome)


async def _outcome(client: Client, path: str) -> Mapping[DiskKind, DiskUse] | Failure:
    try:
        async with asyncio.timeout(_TIME_LIMIT):
            body = body_of(await client.get(path), "GET /system/df")
        return disk_uses(wire.decode(DISK, body, "the disk usage"))
    except Failed as error:
        return error.failure
    except TimeoutError:
        detail = f"GET /system/df: no answer within {_TIME_LIMIT:g} s"
        return Failure(FailureReason.TIMEOUT, detail)
    except OSError as error:
        return failure_of(error)


# ---------------------------------------------------------------------------- reading


def disk_uses(disk: Disk) -> dict[DiskKind, DiskUse]:
    """Sum up what an engine lists; where it gives sums itself, those stand."""
    return {
        DiskKind.IMAGES: _summed(disk.image_usage) or _images(disk),
        DiskKind.CONTAINERS: _summed(disk.container_usage) or _containers(disk),
        DiskKind.VOLUMES: _summed(disk.volume_usage) or _volumes(disk),
        DiskKind.BUILD_CACHE: _summed(disk.build_cache_usage) or _build_cache(disk),
    }


def _summed(sums: Sums | None) -> DiskUse | None:
    if sums is None:
        return None
    return DiskUse(sums.total_count, sums.active_count, sums.total_size, sums.reclaimable)


def _images(disk: Disk) -> DiskUse:
    """Layers are shared: what an image in use has to itself is known, the rest could go."""
    images = disk.images or []
    total = disk.layers_size or sum(max(image.size, 0) for image in images)  # 0 is Podman's
    used = [image for image in images if image.containers > 0]
    own = sum(max(image.size - max(image.shared_size, 0), 0) for image in used)
    return DiskUse(len(images), len(used), total, max(total - own, 0))


def _containers(disk: Disk) -> DiskUse:
    return _use((each.size_rw, each.state not in _ENDED) for each in disk.containers or ())


def _volumes(disk: Disk) -> DiskUse:
    known = (volume.usage_data for volume in disk.volumes or ())
    return _use((data.size, data.ref_count > 0) if data else (0, True) for data in known)


def _build_cache(disk: Disk) -> DiskUse:
    return _use(
        (0 if record.shared else record.size, record.in_use) for record in disk.build_cache or ()
    )


def _use(things: Iterable[tuple[int, bool]]) -> DiskUse:
    """Sum up things by their size (-1 is not known) and whether somebody uses them."""
    sized = [(max(size, 0), active) for size, active in things]
    return DiskUse(
        count=len(sized),
        active=sum(active for _, active in sized),
        total_bytes=sum(size for size, _ in sized),
        reclaimable_bytes=sum(size for size, active in sized if not active),
    )
