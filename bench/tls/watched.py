"""A database that watches the servers, and a collector at work on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import uvloop

from bench.tls.servers import Target
from registry.audit import Actor
from registry.domains import DomainSpec, create_domain
from registry.nodes import NodeSpec, create_node
from registry.session import make_engine
from tests.end_to_end.house import House
from tests.parts.postgres import Database, embedded_server, migrated_database

_ACTOR = Actor("bench", "192.0.2.1", "0" * 32)


@dataclass(frozen=True, slots=True)
class Watched:
    """The superuser's session on the database, and the process of the collector."""

    session: psycopg.Connection[Any]
    collector_pid: int

    def count(self, statement: str, *values: object) -> int:
        """Return the one number that a statement asks for."""
        row = self.session.execute(statement.encode(), values).fetchone()
        assert row
        return int(row[0])


@contextmanager
def watched(
    folder: Path,
    target: Target,
    interval: int,
    *,
    nodes: int = 0,
    docker_url: str = "",
    prepare: str = "SELECT 1",
) -> Iterator[Watched]:
    """Watch every server each `interval` seconds, and nodes at one engine each 15 s.

    `prepare` is a statement to run before the collector starts.
    """
    with (
        embedded_server() as server,
        migrated_database(server) as database,
        psycopg.connect(database.superuser_url, autocommit=True) as session,
    ):
        uvloop.run(_register(database, target, nodes, docker_url))
        session.execute(prepare.encode())
        settings = {
            "VSA_TRUST_BUNDLE": str(target.bundle),
            "VSA_SCRAPE_INTERVAL": "15s",
            "VSA_PROBE_INTERVAL": f"{interval}s",
        }
        house = House(database, settings, folder)
        house.start("collector")
        try:
            yield Watched(session, house.processes["collector"].pid)
        finally:
            house.stop()


async def _register(database: Database, target: Target, nodes: int, docker_url: str) -> None:
    engine, now = make_engine(database.url, program="bench"), datetime.now(UTC)
    async with engine.begin() as tx:
        for number in range(nodes):
            spec = NodeSpec(name=f"node-{number}", docker_url=docker_url)
            await create_node(tx, spec, _ACTOR, now)
        for address in target.addresses:
            await create_domain(tx, DomainSpec(name=address, port=target.port), _ACTOR, now)
    await engine.dispose()
