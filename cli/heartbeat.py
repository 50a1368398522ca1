"""The heartbeat of a collector of this machine or container, read from the database."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from registry.collectors import CollectorStatus, list_collectors
from registry.session import UNAVAILABLE, Connection, database_now, make_engine, may_work

# A collector's heart beats every 10 seconds.
_SILENT_AFTER = timedelta(seconds=30)


async def missing_heartbeat(database_url: str) -> str:
    """Return why no collector here is known to work; nothing when one is."""
    engine = make_engine(database_url, program="health", pool_size=1)
    try:
        async with engine.begin() as tx:
            return await _judge(tx)
    except UNAVAILABLE as error:
        return f"the database does not answer: {str(error).partition(chr(10))[0]}"
    finally:
        await engine.dispose()


async def _judge(tx: Connection) -> str:
    if not await may_work(tx):
        return "the tables are not there, or not for us; `vsa db upgrade` sees to both"
    beats = [one.last_seen_at for one in _of_here(await list_collectors(tx))]
    if not beats:
        return "no collector that runs here has a heartbeat"
    silence = await database_now(tx) - max(beats)
    if silence > _SILENT_AFTER:
        return f"the last heartbeat came {silence.total_seconds():.0f} s ago"
    return ""


def _of_here(collectors: Iterable[CollectorStatus]) -> Iterable[CollectorStatus]:
    """Keep those of this host name whose process is there: others may share name and database."""
    for one in collectors:
        host, _, pid = one.instance.rpartition(":")
        if host == socket.gethostname() and Path("/proc", pid).exists():
            yield one
