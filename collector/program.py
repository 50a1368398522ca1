"""The collector program: both cycles, files, its heartbeat, and the tables' upkeep, until a signal."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import socket
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path

from collector.certificate_files import read_files
from collector.clock import DatabaseClock
from collector.cycle import Cycle, Tally
from collector.docker.network import Network
from collector.docker.probe import DockerProbe
from collector.kinds import domain_kind, node_kind
from collector.policy import refusal
from collector.resolver import SystemLookup
from collector.tls.probe import TlsProbe
from registry.certificate_files import write_files
from registry.collectors import CollectorBeat, beat
from registry.credentials import Keyring
from registry.partitions import create_partitions
from registry.retention import forget
from registry.revisions import demand_fit, read_schema
from registry.schedule import Defaults
from registry.session import UNAVAILABLE, Engine, database_now, make_engine, may_work
from registry.settings import Settings
from registry.vault import Vault
from registry.version import __version__

log = logging.getLogger(__name__)

_HEARTBEAT_SECONDS = 10.0
_UPKEEP_SECONDS = 3600.0
# Each try at a day that is being read, by a backup perhaps, stops who writes for seconds.
_UPKEEP_AGAIN_SECONDS = 60.0
_FILES_SECONDS = 60.0
_PATIENCE_SECONDS = 2.0


async def run(settings: Settings, database_url: str) -> None:
    """Collect until SIGTERM or SIGINT, then finish what is in flight and return."""
    _allow_many_files()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    engine = make_engine(database_url, program="collector")
    try:
        await collect(settings, engine, stop)
    finally:
        await engine.dispose()


def _allow_many_files() -> None:
    """Raise the soft limit: an engine before 25 is asked over up to 64 connections at once."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def collect(settings: Settings, engine: Engine, stop: asyncio.Event) -> None:
    """Run the collector on `engine` until `stop` is set."""
    clock, tally, defaults = DatabaseClock(), Tally(), Defaults.of(settings)
    refuse = partial(refusal, allow_private=settings.allow_private_addresses)
    network = Network(
        SystemLookup(), partial(refusal, allow_private=True), settings.allow_plain_tcp
    )
    keyring = Keyring(Vault(settings.secret_keys))
    docker = DockerProbe(
        clock.timestamp, network, settings.container_labels, settings.disk_usage_interval
    )
    tls = TlsProbe(
        trust_bundle=settings.trust_bundle,
        refuse=refuse,
        refuse_node=network.refuse,
        clock=clock.timestamp,
    )
    nodes = Cycle(engine, clock, node_kind(docker, clock, defaults, keyring), tally)
    domains = Cycle(engine, clock, domain_kind(tls, clock, defaults), tally)
    await _wait_for_tables(engine, stop)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(nodes.run(stop), name="nodes")
            group.create_task(domains.run(stop), name="domains")
            group.create_task(_heartbeat(engine, tally, stop), name="heartbeat")
            group.create_task(_upkeep(engine, settings.retention, stop), name="upkeep")
            if settings.certificate_files:
                group.create_task(_watch_files(engine, settings, stop), name="files")
    finally:
        await docker.close()
        await tls.close()


async def _wait_for_tables(engine: Engine, stop: asyncio.Event) -> None:
    """Be patient with a database that is not up or not migrated yet: programs start in any order."""
    while not stop.is_set():
        try:
            async with engine.begin() as tx:
                schema = await tx.run_sync(read_schema)
                if warning := demand_fit(schema):
                    log.warning("%s", warning)
                if schema.runs and await may_work(tx):
                    return
            log.warning("the tables are not there, or not for us; `vsa db upgrade` sees to both")
        except UNAVAILABLE as error:
            log.warning("the database does not answer: %s", str(error).partition("\n")[0])
        await _pause(stop, _PATIENCE_SECONDS)


async def _heartbeat(engine: Engine, tally: Tally, stop: asyncio.Event) -> None:
    """Tell the registry regularly that this collector lives, and what it did and used."""
    started_at: datetime | None = None
    while not stop.is_set():
        with suppress(*UNAVAILABLE):  # the cycles say so already
            async with engine.begin() as tx:
                now = await database_now(tx)
                started_at = started_at or now
                await beat(tx, _beat(tally, started_at), now)
        await _pause(stop, _HEARTBEAT_SECONDS)


def _beat(tally: Tally, started_at: datetime) -> CollectorBeat:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    resident_pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return CollectorBeat(
        instance=f"{socket.gethostname()}:{os.getpid()}",
        version=__version__,
        started_at=started_at,
        probes_total=tally.probes,
        failures_total=tally.failures,
        discarded_total=tally.discarded,
        cpu_seconds_total=usage.ru_utime + usage.ru_stime,
        resident_memory_bytes=resident_pages * resource.getpagesize(),
    )


async def _upkeep(engine: Engine, retention: float, stop: asyncio.Event) -> None:
    """Keep a week of day partitions ahead and `retention` seconds behind; a start makes today's."""
    while not stop.is_set():
        wait = _UPKEEP_SECONDS
        try:
            async with engine.begin() as tx:
                await create_partitions(tx, now := await database_now(tx))
            await forget(engine, now, retention)  # days that are being read stay a while longer
        except UNAVAILABLE as error:
            log.warning("the tables' upkeep has to wait: %s", str(error).partition("\n")[0])
            wait = _UPKEEP_AGAIN_SECONDS
        await _pause(stop, wait)


async def _watch_files(engine: Engine, settings: Settings, stop: asyncio.Event) -> None:
    """Read certificates in files regularly: a renewal that nobody serves yet shows within a minute."""
    host = settings.certificate_host or socket.gethostname()
    while not stop.is_set():
        known = await asyncio.to_thread(read_files, settings.certificate_files or ())
        try:
            async with engine.begin() as tx:
                await write_files(tx, host, known, await database_now(tx))
        except UNAVAILABLE as error:
            log.warning("cannot record certificates in files: %s", str(error).partition("\n")[0])
        except Exception:  # what the database refuses of a file must not end the cycles
            log.exception("the database refused certificates in files")
        await _pause(stop, _FILES_SECONDS)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
