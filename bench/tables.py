"""A fleet's days in the database, with time moved by hand: what each table takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import psycopg
from sqlalchemy import text

from registry.audit import Actor, append
from registry.backup import dump, exported_snapshot
from registry.facts.containers import ContainerFacts, ContainerState, Health, Mount, Port
from registry.facts.nodes import EngineEvent, EngineFacts, EventCursor, NodeFacts
from registry.facts.outcomes import Cost
from registry.nodes import NodeSpec, create_node
from registry.observations import NodeResult, Recorder
from registry.partitions import create_partitions
from registry.schedule import Defaults, claim_nodes
from registry.session import Engine, make_engine
from tests.exporter.things import SHOP_SAMPLE
from tests.parts.postgres import Database, embedded_server, migrated_database
from tests.registry.targets import NO_KEYS

_SCRAPES_A_DAY = 24
_CHANGES_A_DAY = 3  # of a container: the first replaces it, the others restart it
_STEP = timedelta(days=1 / _SCRAPES_A_DAY)
_REAL_SCRAPES_A_DAY = 86400 // 15
_ROUNDS = 100
_RECORDS = 1000
_ACTOR = Actor("bench", "192.0.2.1", "0" * 32)
# An hour between two scrapes is no gap here.
_DEFAULTS = Defaults(3600.0, 10.0, 3600.0, 10.0, 16 << 20)
_START = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

# A partition counts for its table, an index and long values for theirs.
_SIZES = """
    SELECT coalesce(parent.relname, c.relname), sum(pg_total_relation_size(c.oid))::bigint
    FROM pg_class c LEFT JOIN pg_inherits ON inhrelid = c.oid LEFT JOIN pg_class parent ON parent.oid = inhparent
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' GROUP BY 1
"""
_WAL = "SELECT pg_current_wal_insert_lsn() - '0/0'"


@dataclass(frozen=True, slots=True)
class Fleet:
    """How much is watched, and for how long."""

    nodes: int
    containers: int
    days: int


@dataclass(slots=True)
class Growth:
    """Bytes by table: what a day adds, and what is there whatever the time; and what else they cost.

    `wal_of_changes` and `wal_of_scrapes` are what a day writes ahead: of what is found, and of a
    scrape every 15 s that finds nothing new.
    """

    a_day: dict[str, float]
    standing: dict[str, float]
    wal_of_changes: float
    backup_a_day: float
    backup_standing: float
    wal_of_scrapes: float = 0.0
    audit_record: float = 0.0


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Bytes at the end of a day."""

    tables: dict[str, int]
    wal: int
    backup: int


async def measure_tables(fleet: Fleet) -> Growth:
    """Live through the days in a database of our own."""
    with embedded_server() as server, migrated_database(server) as database:
        engine = make_engine(database.url, program="bench")
        try:
            await _register(engine, fleet)
            recorder, sizes = Recorder(), []
            for day in range(fleet.days):
                await _live(engine, recorder, fleet, _START + timedelta(days=day))
                sizes.append(_measure(database))
            growth = _growth(sizes)
            growth.wal_of_scrapes = await _idle(engine, recorder, fleet, database)
            growth.audit_record = await _audit(engine, database)
        finally:
            await engine.dispose()
    return growth


async def _register(engine: Engine, fleet: Fleet) -> None:
    async with engine.begin() as tx:
        await create_partitions(tx, _START, days_ahead=fleet.days)
        for name in [f"web-{number:04}" for number in range(fleet.nodes)]:
            spec = NodeSpec(name=name, docker_url=f"https://{name}.example.com:2376")
            await create_node(tx, spec, _ACTOR, _START)


async def _live(engine: Engine, recorder: Recorder, fleet: Fleet, day: datetime) -> None:
    for step in range(_SCRAPES_A_DAY):
        await _round(engine, recorder, fleet, day + step * _STEP)


async def _round(engine: Engine, recorder: Recorder, fleet: Fleet, at: datetime) -> None:
    """Scrape every node once, as a collector does: claim in one transaction, record in another."""
    async with engine.begin() as tx:
        await tx.execute(text("UPDATE schedule SET next_due_at = :at"), {"at": at})
    async with engine.begin() as tx:
        leases = await claim_nodes(tx, at, fleet.nodes, _DEFAULTS, NO_KEYS)
    assert len(leases) == fleet.nodes
    async with engine.begin() as tx:
        scraped = [_scrape(lease.question.name, fleet.containers, at) for lease in leases]
        results = [
            NodeResult(lease, facts, at) for lease, facts in zip(leases, scraped, strict=True)
        ]
        await recorder.record_nodes(tx, results)
    recorder.committed()


async def _idle(engine: Engine, recorder: Recorder, fleet: Fleet, database: Database) -> float:
    """Write-ahead bytes of a day's scrapes that find nothing new."""
    before, end = _wal(database), _START + timedelta(days=fleet.days) - timedelta(minutes=30)
    for step in range(_ROUNDS):
        await _round(engine, recorder, fleet, end + timedelta(seconds=step))
    return (_wal(database) - before) / _ROUNDS * _REAL_SCRAPES_A_DAY


# ---------------------------------------------------------------------------- what is found


def _scrape(node: str, containers: int, at: datetime) -> NodeFacts:
    found, events = [], []
    for number in range(containers):
        facts, happened = _container(node, number, at)
        found.append(facts)
        events += happened
    nano = int(at.timestamp()) * 10**9
    return NodeFacts(
        engine=_engine(node),
        containers=tuple(found),
        samples=tuple(replace(SHOP_SAMPLE, container_id=one.container_id) for one in found),
        events=tuple(events),
        cursor=EventCursor(nano, (f"{nano}",)),
        events_lost=False,
        received_at=at.timestamp(),
        cost=Cost(requests=23, received_bytes=90_000, phase_seconds={"list": 0.01, "stats": 0.05}),
    )


def _container(node: str, number: int, at: datetime) -> tuple[ContainerFacts, list[EngineEvent]]:
    """Return a container as it is now, and what happened to it since the scrape before."""
    every = _SCRAPES_A_DAY // _CHANGES_A_DAY
    step = int((at - _START) / _STEP)
    changes, past = divmod(step + number % every, every)
    since = _START + (step - past) * _STEP
    facts = _facts(node, number, changes, since)
    if at != since or not changes:
        return facts, []
    before = _facts(node, number, changes - 1, at)
    words: tuple[str, ...] = ("die", "start")
    if facts.container_id != before.container_id:
        words = ("die", "destroy", "create", "start")
    return facts, list(_events(words, before, facts, at))


def _events(
    words: tuple[str, ...], before: ContainerFacts, after: ContainerFacts, at: datetime
) -> Iterator[EngineEvent]:
    for number, action in enumerate(words):
        about = before if action in {"die", "destroy"} else after
        nano = int(at.timestamp()) * 10**9 - 10**9 + number * 10**6
        exit_code = 0 if action == "die" else None
        yield EngineEvent(
            nano, "container", action, about.container_id, about.name, about.image, exit_code
        )


def _facts(node: str, number: int, changes: int, since: datetime) -> ContainerFacts:
    release, restarts = divmod(changes, _CHANGES_A_DAY)
    service = f"service-{number}"
    digest = sha256(f"{node} {number} {release}".encode()).hexdigest()
    compose = "com.docker.compose."
    return ContainerFacts(
        container_id=digest,
        name=f"shop-{service}-1",
        image=f"registry.example.com/shop/{service}:1.{release}",
        image_id=f"sha256:{sha256(str(release).encode()).hexdigest()}",
        state=ContainerState.RUNNING,
        health=Health.HEALTHY,
        restart_count=restarts,
        restart_policy="unless-stopped",
        created_at=since,
        started_at=since,
        labels={
            f"{compose}project": "shop",
            f"{compose}service": service,
            f"{compose}config-hash": sha256(service.encode()).hexdigest(),
            f"{compose}image": f"sha256:{digest}",
            f"{compose}container-number": "1",
            f"{compose}project.config_files": "/srv/shop/compose.yml",
            f"{compose}project.working_dir": "/srv/shop",
            f"{compose}version": "2.39.1",
        },
        ports=(Port(8080, "tcp", 8000 + number, "127.0.0.1"),),
        mounts=(
            Mount("volume", f"/var/lib/docker/volumes/{service}", "/data", True, service),  # noqa: FBT003
            Mount("bind", "/etc/localtime", "/etc/localtime", False),  # noqa: FBT003
        ),
        networks=("shop_default",),
    )


def _engine(node: str) -> EngineFacts:
    return EngineFacts(
        engine_id=sha256(node.encode()).hexdigest(),
        hostname=node,
        version="29.0.1",
        api_version="1.52",
        operating_system="Debian GNU/Linux 13 (trixie)",
        architecture="x86_64",
        kernel_version="6.12.57+deb13-amd64",
        storage_driver="overlayfs",
        cgroup_version="2",
        cpus=4,
        memory_bytes=8 << 30,
    )


# ---------------------------------------------------------------------------- what it takes


def _measure(database: Database) -> _Sizes:
    wal = _wal(database)
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        tables: dict[str, int] = dict(connection.execute(_SIZES.encode()).fetchall())
    with (
        exported_snapshot(database.owner_url) as snapshot,
        dump(database.owner_url, snapshot) as pieces,
    ):
        return _Sizes(tables, wal, len(pieces.read()))


def _wal(database: Database) -> int:
    with psycopg.connect(database.superuser_url) as connection:
        row = connection.execute(_WAL).fetchone()
    assert row
    return int(row[0])


async def _audit(engine: Engine, database: Database) -> float:
    """Bytes of one audit record of a usual change."""
    before = _measure(database).tables["audit_logs"]
    node = {"name": "web-0001", "docker_url": "https://web-0001.example.com:2376", "enabled": True}
    node |= {"labels": {"site": "a"}, "interval": "15s", "timeout": "10s"}
    async with engine.begin() as tx:
        for _ in range(_RECORDS):
            await append(
                tx,
                _ACTOR,
                action="node.update",
                target="node/web-0001",
                before=node,
                after={**node, "enabled": False},
                now=_START,
            )
    return (_measure(database).tables["audit_logs"] - before) / _RECORDS


def _growth(sizes: list[_Sizes]) -> Growth:
    first, last, days = sizes[0], sizes[-1], len(sizes) - 1
    a_day = {table: (size - first.tables[table]) / days for table, size in last.tables.items()}
    backup_a_day = (last.backup - first.backup) / days
    return Growth(
        a_day=a_day,
        standing={table: first.tables[table] - a_day[table] for table in a_day},
        wal_of_changes=(last.wal - first.wal) / days,
        backup_a_day=backup_a_day,
        backup_standing=first.backup - backup_a_day,
    )
