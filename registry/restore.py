"""A backup back into a database: read into by pg_restore, loaded by psql in one transaction.

pg_restore could load it alone, but not into an older server than itself, for it sets what only newer
ones know; nor would what is there now go away in the same transaction.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Protocol

from sqlalchemy import create_engine, select
from sqlalchemy.pool import NullPool

from registry.audit import Actor, Head, append
from registry.audit_chain import AuditEntry
from registry.clients import (
    ClientError,
    Clients,
    close_input,
    connection_string,
    newest_clients,
    running,
)
from registry.migrate import STARTERS_LOCK
from registry.models import audit_logs, metadata
from registry.restore_target import RestoreError, Target
from registry.revisions import known_revisions
from registry.session import database_now, driver_url, make_engine
from registry.stored import decode

_PIECE = 1 << 18
_BATCH = 500
_SESSION = {"search_path": "public", "timezone": "UTC", "statement_timeout": "30s"}
# Two tables that pg_dump writes before all others, by their names: the start of a backup tells both.
_HEADING = (
    "--data-only",
    "--schema=public",
    "--table=alembic_version",
    "--table=audit_head",
    "--file=-",
)
# Roles and their rights are the target's own: registry.migrate grants them anew.
_SCRIPT = ("--no-owner", "--no-privileges", "--file=-")
# Written by pg_restore from 17 on, known to servers from 17 on.
_TOO_NEW = b"SET transaction_timeout = 0;\n"
_HEAD_OF_SCRIPT = 4096
_MAGIC = b"PGDMP"

_EMPTY = """
    SET client_min_messages = warning;
    BEGIN;
    SET LOCAL lock_timeout = '10s';
    SET LOCAL search_path = public;
    SELECT pg_advisory_xact_lock({lock});
    DROP SCHEMA IF EXISTS dashboard CASCADE;
    DROP TABLE IF EXISTS {tables};
    DO $$ DECLARE ours regprocedure; strangers text;
    BEGIN
        FOR ours IN SELECT oid FROM pg_proc
            WHERE pronamespace = 'public'::regnamespace AND starts_with(proname, 'vsa_')
        LOOP EXECUTE format('DROP FUNCTION %s', ours); END LOOP;
        SELECT string_agg(relname, ', ' ORDER BY relname) INTO strangers FROM pg_class c
            WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
            AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'e');
        IF strangers IS NOT NULL THEN
            RAISE EXCEPTION 'the schema public also holds what is not of this version: %; '
                'restore into a database of its own', strangers;
        END IF;
    END $$;
"""
# Nobody who had a lease then has it now, and all that was seen is old: every target is due. Programs
# that lived through it all know nodes by their version: from here on these are ones that never were.
_SETTLE = """
    UPDATE public.schedule SET next_due_at = least(next_due_at, '{now}'),
        lease_until = NULL, lease_token = NULL;
    UPDATE public.node_state SET version = greatest(version + 1, {stamp});
    COMMIT;
"""


class Source(Protocol):
    """Where a backup is read from: a file, or a pipe, which cannot be read twice."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end; RestoreError where that cannot be."""


@dataclass(frozen=True, slots=True)
class Heading:
    """What a backup says of itself: the tables' revision, and where its audit trail ends."""

    revision: str
    head: Head


class Backup:
    """A backup that is read once from its start to its end; the start is looked at before."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._clients = newest_clients()
        self._fault: RestoreError | None = None
        self._kept = self._read_start()
        self.heading = self._read_heading()
        if self.heading.revision not in known_revisions():
            raise RestoreError(
                f"the backup is of revision {self.heading.revision}, and this version knows "
                f"{known_revisions()[-1]} at most; restore it with the version that made it"
            )

    def load(self, url: str, target: Target, watch: Callable[[int], None]) -> None:
        """Put it in place of all that `url` has of ours, whole or not at all; `watch` is told bytes."""
        with (
            connection_string(url, "restore") as where,
            running(_psql(self._clients, where), stdin=subprocess.PIPE) as loader,
            suppress(BrokenPipeError),  # it ended early, and says why when it is waited for
        ):
            assert loader.stdin
            loader.stdin.write(_emptying())
            with self._script(watch) as script:
                _copy_script(script, loader.stdin, target)
            loader.stdin.write(_settling(target.now))
            close_input(loader)

    def _read_start(self) -> bytes:
        start = b""
        while len(start) < len(_MAGIC) and (piece := self._source.read(_PIECE)):
            start += piece
        if not start.startswith(_MAGIC):
            raise RestoreError(
                "this is nothing that `vsa backup` wrote"
                + ("; if it is encrypted, decrypt it first" if start else ": it is empty")
            )
        return start

    def _read_heading(self) -> Heading:
        command = self._clients.command("pg_restore", *_HEADING)
        with running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
            assert reader.stdin
            assert reader.stdout
            with suppress(BrokenPipeError):  # it has read enough
                reader.stdin.write(self._kept)
                while piece := self._source.read(_PIECE):
                    self._kept += piece
                    reader.stdin.write(piece)
                    reader.stdin.flush()
            with suppress(BrokenPipeError):
                close_input(reader)
            rows = _rows(reader.stdout.read().decode())
        try:
            head = rows["audit_head"]
            return Heading(
                rows["alembic_version"]["version_num"], Head(int(head["last_id"]), head["hash"])
            )
        except KeyError:
            raise RestoreError("this is a PostgreSQL dump, but no backup of this product") from None

    @contextmanager
    def _script(self, watch: Callable[[int], None]) -> Iterator[IO[bytes]]:
        """Yield the backup as SQL; its bytes are fed from a thread of their own meanwhile."""
        command = self._clients.command("pg_restore", *_SCRIPT)
        try:
            with running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
                assert reader.stdout
                threading.Thread(target=self._feed, args=(reader, watch), daemon=True).start()
                yield reader.stdout
        except ClientError:
            if self._fault:
                raise self._fault from None
            raise

    def _feed(self, reader: subprocess.Popen[bytes], watch: Callable[[int], None]) -> None:
        piece, self._kept = self._kept, b""
        # Input that ends early makes the reader fail by itself, and so nothing is restored.
        with suppress(OSError, ValueError):
            try:
                while piece and reader.stdin:
                    reader.stdin.write(piece)
                    watch(len(piece))
                    piece = self._source.read(_PIECE)
            except RestoreError as error:
                self._fault = error
            finally:
                close_input(reader)


def read_trail(url: str) -> Iterator[AuditEntry]:
    """Yield the audit trail, the oldest entry first, a few hundred in memory at a time."""
    engine = create_engine(driver_url(url, "restore", _SESSION), poolclass=NullPool)
    columns = [audit_logs.c[name] for name in AuditEntry.__slots__]
    with engine.connect().execution_options(yield_per=_BATCH) as connection:
        for row in connection.execute(select(*columns).order_by(audit_logs.c.id)):
            yield decode(row, AuditEntry)


async def record_restore(url: str, heading: Heading) -> Head:
    """Tell in the trail that it was restored, and where it went on from; returns its new head."""
    engine = make_engine(url, program="restore")
    try:
        async with engine.begin() as tx:
            now = await database_now(tx)
            after = {"audit_records": heading.head.last_id, "audit_head": heading.head.hash}
            entry = await append(
                tx,
                Actor("vsa restore"),
                action="database.restore",
                target="database",
                before=None,
                after=after,
                now=now,
            )
    finally:
        await engine.dispose()
    return Head(entry.id, entry.hash)


def _psql(clients: Clients, target: str) -> list[str]:
    # No --single-transaction: it would commit what is there when its input ends, and ours could end
    # early, by a kill of this process. So our own COMMIT is the last that we send.
    quiet = ("--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1")
    return clients.command("psql", *quiet, f"--dbname={target}")


def _emptying() -> bytes:
    tables = ", ".join([*metadata.tables, "alembic_version"])
    return _EMPTY.format(lock=STARTERS_LOCK, tables=tables).encode()


def _settling(now: datetime) -> bytes:
    return _SETTLE.format(now=now.isoformat(), stamp=int(now.timestamp() * 1000)).encode()


def _copy_script(script: IO[bytes], loader: IO[bytes], target: Target) -> None:
    head = script.read(_HEAD_OF_SCRIPT)
    loader.write(head.replace(_TOO_NEW, b"") if target.server_major < 17 else head)
    while piece := script.read(_PIECE):
        loader.write(piece)


def _rows(script: str) -> dict[str, dict[str, str]]:
    """Return the first row of each table that a script of COPY fills, by column."""
    rows, lines = {}, iter(script.splitlines())
    for line in lines:
        if line.startswith("COPY public."):
            table, _, rest = line.removeprefix("COPY public.").partition(" ")
            columns = rest.partition("(")[2].partition(")")[0].split(", ")
            rows[table] = dict(zip(columns, next(lines).split("\t"), strict=False))
    return rows
