from __future__ import annotations

import asyncio
import tracemalloc
from dataclasses import replace

import pytest
from sqlalchemy import text

from registry.audit import (
    Actor,
    AuditEntry,
    AuditFilter,
    append,
    list_entries,
    read_head,
    stream_entries,
)
from registry.audit_chain import GENESIS, verify_chain
from registry.errors import Invalid
from registry.session import Connection, Engine, make_engine
from tests.parts.postgres import Database
from tests.registry.targets import fetch, later, value

ALICE = Actor("alice", "192.0.2.1", "request-1")
ALL = AuditFilter()
CURSORS = "SELECT count(*) FROM pg_cursors WHERE name <> ''"


async def add(tx: Connection, number: int = 0, actor: Actor = ALICE) -> AuditEntry:
    return await append(
        tx,
        actor,
        action="node.create",
        target=f"node/n{number}",
        before=None,
        after={"name": f"n{number}", "interval": "15s", "labels": {"ü": "☃"}},
        now=later(number),
    )


async def trail(tx: Connection) -> list[AuditEntry]:
    return [entry async for entry in stream_entries(tx, ALL)]


async def test_entries_count_from_one_and_the_head_follows(tx: Connection) -> None:
    assert (await read_head(tx)).hash == GENESIS
    entries = [await add(tx, number) for number in range(3)]
    head = await read_head(tx)
    assert [entry.id for entry in entries] == [1, 2, 3]
    assert (head.last_id, head.hash) == (3, entries[-1].hash)


async def test_what_is_read_is_what_was_written_and_verifies(tx: Connection) -> None:
    written = [await add(tx, number) for number in range(5)]
    assert await trail(tx) == written
    assert verify_chain(written, (await read_head(tx)).hash) is None


async def test_odd_but_lawful_values_survive_the_database(tx: Connection) -> None:
    odd = {
        "": None,
        "é\u2028🐋": ["\\u0000", "\x01", '"'],
        "b": 2**53 - 1,
        "B": {"z": -1, "a": True},
    }
    written = await append(
        tx, Actor("ü", "::1"), action="a", target="t", before=odd, after={}, now=later(0.000001)
    )
    assert await trail(tx) == [written]
    assert verify_chain(await trail(tx), written.hash) is None


@pytest.mark.parametrize(
    "bad", [{"interval": 1.5}, {"name": "a\0"}, {"name": "\ud800"}, {"n": 2**53}]
)
async def test_what_the_chain_cannot_hold_is_not_appended(
    tx: Connection, bad: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match=r"."):
        await append(tx, ALICE, action="a", target="t", before=None, after=bad, now=later(0))
    assert await trail(tx) == []


async def test_what_was_not_there_before_is_null_in_sql(tx: Connection) -> None:
    await add(tx)
    rows = await fetch(tx, "SELECT before IS NULL, after IS NULL FROM audit_logs")
    assert rows == [(True, False)]


async def test_a_change_that_is_rolled_back_leaves_no_entry_and_no_hole(engine: Engine) -> None:
    async with engine.begin() as tx:
        await add(tx, 1)
    async with engine.connect() as tx:
        await add(tx, 2)
        await tx.rollback()
    async with engine.begin() as tx:
        assert (await add(tx, 3)).id == 2


async def test_appends_from_many_connections_make_one_unbroken_chain(database: Database) -> None:
    engine = make_engine(database.url, program="test", pool_size=10)

    async def append_some(worker: int) -> None:
        for number in range(10):
            async with engine.begin() as tx:
                await add(tx, number, Actor(f"worker-{worker}"))

    await asyncio.gather(*map(append_some, range(10)))
    async with engine.begin() as tx:
        entries, head = await trail(tx), await read_head(tx)
    await engine.dispose()
    assert len(entries) == 100
    assert verify_chain(entries, head.hash) is None


# ---------------------------------------------------------------------------- reading


async def test_pages_go_from_the_newest_to_the_oldest_without_a_hole(tx: Connection) -> None:
    for number in range(7):
        await add(tx, number)
    ids, cursor = [], None
    while True:
        page = await list_entries(tx, ALL, limit=3, cursor=cursor)
        ids += [entry.id for entry in page.items]
        if (cursor := page.next) is None:
            break
    assert ids == [7, 6, 5, 4, 3, 2, 1]


async def test_a_cursor_of_another_list_is_refused(tx: Connection) -> None:
    with pytest.raises(Invalid):
        await list_entries(tx, ALL, limit=3, cursor="WyJuYW1lIl0")  # ["name"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (AuditFilter(actor="bob"), [4]),
        (AuditFilter(action="node.create"), [1, 2, 3, 4]),
        (AuditFilter(action="node.delete"), []),
        (AuditFilter(target="node/n2"), [3]),
        (AuditFilter(result="refused"), []),
        (AuditFilter(since=later(1)), [2, 3, 4]),
        (AuditFilter(until=later(1)), [1]),
        (AuditFilter(actor="alice", since=later(1), until=later(2)), [2]),
    ],
)
async def test_filters_narrow_the_trail(
    tx: Connection, wanted: AuditFilter, found: list[int]
) -> None:
    for number in range(4):
        await add(tx, number, replace(ALICE, name="bob") if number == 3 else ALICE)
    assert [entry.id async for entry in stream_entries(tx, wanted)] == found


# Entries enough that holding them all would show; their hashes are never looked at.
MANY = """
    INSERT INTO audit_logs SELECT n, :now, 'alice', 'node.create', 'node/n', NULL,
        jsonb_build_object('text', repeat('x', 500)), '', '', 'ok', '', ''
    FROM generate_series(1, 20000) n
"""


async def test_a_long_trail_is_streamed_within_bounded_memory(tx: Connection) -> None:
    await tx.execute(text(MANY), {"now": later(0)})
    tracemalloc.start()
    try:
        length = sum([1 async for _ in stream_entries(tx, ALL)])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert length == 20_000
    assert peak < 8 << 20  # three times that, all of them at once


async def test_a_stream_that_is_left_closes_its_cursor(tx: Connection) -> None:
    await tx.execute(text(MANY), {"now": later(0)})
    stream = stream_entries(tx, ALL)
    assert (await anext(stream)).id == 1
    assert await value(tx, CURSORS) == 1
    await stream.aclose()
    assert await value(tx, CURSORS) == 0


# ---------------------------------------------------------------------------- behind the API

# What a superuser can do whom no grant and no trigger holds; the entry that verification must name.
TAMPERINGS = {
    "UPDATE audit_logs SET actor = 'bob' WHERE id = 3": 3,
    "UPDATE audit_logs SET after = '{}' WHERE id = 2": 2,
    "UPDATE audit_logs SET timestamp = timestamp + interval '1 microsecond' WHERE id = 4": 4,
    "UPDATE audit_logs SET hash = repeat('a', 64) WHERE id = 2": 2,
    """UPDATE audit_logs SET after = '{"n": 1e30}' WHERE id = 4""": 4,
    "UPDATE audit_logs SET id = 9 WHERE id = 2": 3,
    "DELETE FROM audit_logs WHERE id = 1": 2,
    "DELETE FROM audit_logs WHERE id = 3": 4,
    "DELETE FROM audit_logs WHERE id = 5": 5,
    """UPDATE audit_logs a SET actor = b.actor, target = b.target, before = b.before,
       after = b.after, timestamp = b.timestamp, hash = b.hash, canonical = b.canonical
       FROM audit_logs b WHERE (a.id, b.id) IN ((2, 3), (3, 2))""": 2,
}


@pytest.mark.parametrize("statement", TAMPERINGS)
async def test_what_a_superuser_changed_removed_or_reordered_is_named(
    database: Database, engine: Engine, statement: str
) -> None:
    await add_five(engine)
    await run_as_superuser(database, "SET LOCAL session_replication_role = replica", statement)
    async with engine.begin() as tx:
        broken = verify_chain(await trail(tx), (await read_head(tx)).hash)
    assert broken is not None
    assert broken.entry_id == TAMPERINGS[statement]


# The same chain in SQL alone, over the stored bytes: what an auditor with psql can ask.
BROKEN_BYTES = """
    SELECT id FROM (
        SELECT id, hash, canonical, lag(hash, 1, repeat('0', 64)) OVER (ORDER BY id) AS previous
        FROM audit_logs
    ) entries
    WHERE hash <> encode(sha256(convert_to(previous, 'UTF8') || canonical), 'hex')
    ORDER BY id
"""


async def test_bytes_that_alone_were_changed_show_in_sql_and_deceive_no_export(
    database: Database, engine: Engine
) -> None:
    await add_five(engine)
    forged = "UPDATE audit_logs SET canonical = '{}' WHERE id = 3"
    await run_as_superuser(database, "ALTER TABLE audit_logs DISABLE TRIGGER append_only", forged)
    async with engine.begin() as tx:
        assert await fetch(tx, BROKEN_BYTES) == [(3,)]
        assert verify_chain(await trail(tx), (await read_head(tx)).hash) is None


async def add_five(engine: Engine) -> None:
    async with engine.begin() as tx:
        for number in range(5):
            await add(tx, number)


async def run_as_superuser(database: Database, *statements: str) -> None:
    superuser = make_engine(database.superuser_url, program="test")
    async with superuser.begin() as tx:
        for statement in statements:
            await tx.execute(text(statement))
    await superuser.dispose()
