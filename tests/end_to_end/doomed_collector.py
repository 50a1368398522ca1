"""A collector that kills itself at a named point: `python -m tests.end_to_end.doomed_collector POINT`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from unittest.mock import patch

from collector import program
from collector.docker.probe import DockerProbe
from registry.observations import NodeResult, Recorded, Recorder
from registry.session import Connection
from registry.settings import read_settings


def die(*_: object) -> None:
    """End as by `kill -9`: nothing is flushed, closed or rolled back by us."""
    os.kill(os.getpid(), signal.SIGKILL)


def after_claim() -> None:
    """The lease is committed, nothing is asked."""
    patch.object(DockerProbe, "ask", die).start()


def during_write() -> None:
    """States and snapshots are sent, events are not: the transaction is half written."""
    patch("registry.observations.write_events", die).start()


def before_commit() -> None:
    """All is written, nothing is committed."""
    record = Recorder.record_nodes

    async def record_and_die(
        self: Recorder, tx: Connection, results: Sequence[NodeResult]
    ) -> Recorded:
        recorded = await record(self, tx, results)
        die()
        return recorded

    patch.object(Recorder, "record_nodes", record_and_die).start()


def after_commit() -> None:
    """All is committed, and this process does not know it yet."""
    patch.object(Recorder, "committed", die).start()


POINTS: dict[str, Callable[[], None]] = {
    point.__name__: point for point in (after_claim, during_write, before_commit, after_commit)
}


def main() -> None:
    """Set the trap, then collect."""
    settings = read_settings()
    assert settings.database_url is not None
    POINTS[sys.argv[1]]()
    asyncio.run(program.run(settings, settings.database_url.get_secret_value()))


if __name__ == "__main__":
    main()
