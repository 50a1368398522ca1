from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from sqlalchemy import (
    ColumnElement,
    Table,
    Text,
    func,
    insert,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError

from registry.models import container_snapshots, events, vps_nodes
from registry.partitions import DayTables, closed_before, create_partitions, drop_closed_before
from registry.session import UNAVAILABLE, Connection, Engine, database_now
from tests.parts.postgres import Database

LONG_AGO = datetime(2001, 1, 30, 12, tzinfo=UTC)
PARTITION: ColumnElement[str] = literal_column("tableoid::regclass::text")


async def days(tx: Connection, table: str) -> list[str]:
    """The day partitions of `table` in the years of these tests, as YYYYMMDD."""
    rows = await tx.scalars(
        text("SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ :pattern ORDER BY 1"),
        {"pattern": f"^{table}_(19|200)"},
    )
    return [name.removeprefix(f"{table}_") for name in rows]


async def make_node(tx: Connection) -> int:
    node = {"name": "n", "docker_url": "unix:///x", "enabled": True}
    node |= {"created_at": LONG_AGO, "updated_at": LONG_AGO}
    made = await tx.execute(insert(vps_nodes).values(node).returning(vps_nodes.c.id))
    return int(made.scalar_one())


def filled(table: Table) -> dict[str, object]:
    """Something for each text and JSON column that must have a value."""
    columns = [column for column in table.c if not column.nullable]
    texts = {column.name: "x" for column in columns if isinstance(column.type, Text)}
    return texts | {column.name: {} for column in columns if isinstance(column.type, JSONB)}


async def add_event(tx: Connection, node_id: int, recorded_at: datetime) -> str:
    """Add an event; return the partition that it went to."""
    times = {"recorded_at": recorded_at, "time": recorded_at, "time_nano": 0}
    statement = insert(events).values(node_id=node_id, **filled(events), **times)
    return str((await tx.execute(statement.returning(PARTITION))).scalar_one())


async def open_snapshot(tx: Connection, node_id: int) -> str:
    """Add an open snapshot; return the partition that it went to."""
    statement = insert(container_snapshots).values(
        **filled(container_snapshots),
        node_id=node_id,
        oom_killed=False,
        restart_count=0,
        seen_from=LONG_AGO,
        seen_until=text("'infinity'"),
    )
    return str((await tx.execute(statement.returning(PARTITION))).scalar_one())


# ---------------------------------------------------------------------------- made ahead


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2001, 1, 30, tzinfo=UTC), ["20010130", "20010131", "20010201"]),
        (datetime(2001, 12, 31, tzinfo=UTC), ["20011231", "20020101", "20020102"]),
        (datetime(2004, 2, 28, tzinfo=UTC), ["20040228", "20040229", "20040301"]),
        (datetime(2001, 2, 28, tzinfo=UTC), ["20010228", "20010301", "20010302"]),
    ],
)
async def test_days_go_on_over_the_end_of_month_and_year(
    tx: Connection, now: datetime, expected: list[str]
) -> None:
    await create_partitions(tx, now, days_ahead=2)
    assert await days(tx, "events") == expected
    assert await days(tx, "container_snapshots") == expected


async def test_a_day_is_that_of_utc_wherever_the_clock_hangs(tx: Connection) -> None:
    east = timezone(timedelta(hours=5))
    await create_partitions(tx, datetime(2001, 2, 1, 2, tzinfo=east), days_ahead=0)
    assert await days(tx, "events") == ["20010131"]


async def test_what_is_there_already_stays(tx: Connection) -> None:
    await create_partitions(tx, LONG_AGO, days_ahead=1)
    await add_event(tx, await make_node(tx), LONG_AGO)
    await create_partitions(tx, LONG_AGO, days_ahead=2)
    assert await days(tx, "events") == ["20010130", "20010131", "20010201"]
    assert await tx.scalar(select(func.count()).select_from(events)) == 1


async def test_today_and_a_week_are_there_right_after_the_migration(tx: Connection) -> None:
    now, node_id = await database_now(tx), await make_node(tx)
    for ahead in range(8):
        await add_event(tx, node_id, now + timedelta(days=ahead))


@pytest.mark.parametrize(
    ("moment", "partition"),
    [
        (datetime(2001, 1, 31, 23, 59, 59, 999999, tzinfo=UTC), "events_20010131"),
        (datetime(2001, 2, 1, tzinfo=UTC), "events_20010201"),
    ],
)
async def test_midnight_begins_the_next_day(
    tx: Connection, moment: datetime, partition: str
) -> None:
    await create_partitions(tx, LONG_AGO, days_ahead=3)
    assert await add_event(tx, await make_node(tx), moment) == partition


async def test_programs_that_make_the_same_days_at_once_do_not_clash(engine: Engine) -> None:
    async def make() -> None:
        async with engine.begin() as tx:
            await create_partitions(tx, LONG_AGO, days_ahead=3)

    await asyncio.gather(*(make() for _ in range(4)))
    async with engine.connect() as tx:
        assert len(await days(tx, "events")) == 4


async def test_a_day_is_made_while_others_write(engine: Engine) -> None:
    async with engine.connect() as writer, engine.begin() as tx:
        node_id = await make_node(tx)
        await tx.commit()
        await open_snapshot(writer, node_id)
        await add_event(writer, node_id, await database_now(writer))
        async with engine.begin() as other:
            await create_partitions(other, LONG_AGO)
        await writer.rollback()


# ---------------------------------------------------------------------------- closed, dropped


async def test_an_open_snapshot_moves_to_its_day_when_it_is_closed(tx: Connection) -> None:
    await create_partitions(tx, LONG_AGO)
    assert await open_snapshot(tx, await make_node(tx)) == "container_snapshots_open"
    await tx.execute(update(container_snapshots).values(seen_until=LONG_AGO))
    moved = await tx.execute(select(PARTITION).select_from(container_snapshots))
    assert moved.scalar_one() == "container_snapshots_20010130"


async def test_days_before_the_given_one_are_dropped_and_no_other(tx: Connection) -> None:
    await create_partitions(tx, LONG_AGO, days_ahead=3)
    assert (await closed_before(tx, date(2001, 2, 1))).count == 4
    assert await drop_closed_before(tx, date(2001, 2, 1)) == 4
    assert await closed_before(tx, date(2001, 2, 1)) == DayTables(0, 0)
    assert await days(tx, "events") == ["20010201", "20010202"]
    assert await days(tx, "container_snapshots") == ["20010201", "20010202"]


async def test_open_snapshots_are_never_dropped(tx: Connection) -> None:
    await open_snapshot(tx, await make_node(tx))
    assert await drop_closed_before(tx, date(2999, 1, 1)) > 0
    assert await tx.scalar(select(func.count()).select_from(container_snapshots)) == 1


async def test_a_drop_gives_up_soon_where_somebody_reads(
    engine: Engine, database: Database
) -> None:
    async with engine.begin() as tx:
        await create_partitions(tx, LONG_AGO)
    async with engine.connect() as reader, engine.connect() as tx:
        await reader.execute(select(events))
        with pytest.raises(UNAVAILABLE, match="lock timeout"):
            await drop_closed_before(tx, date(2001, 2, 1))


async def test_the_programs_role_drops_days_by_the_function_alone(tx: Connection) -> None:
    await create_partitions(tx, LONG_AGO)
    with pytest.raises(DBAPIError, match="must be owner"):
        await tx.execute(text("DROP TABLE events_20010130"))
