from __future__ import annotations

import io
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import make_url

from registry.audit_chain import verify_chain
from registry.backup import dump, exported_snapshot
from registry.clients import ClientError
from registry.migrate import upgrade
from registry.restore import Backup, read_trail, record_restore
from registry.restore_target import RestoreError, Target, look_at
from registry.revisions import known_revisions
from tests.parts.postgres import Database, Server, empty_database
from tests.registry.test_migrate import ALLOWED, grants, query
from tests.registry.test_migrate import run as execute
from tests.registry.test_upgrades import Rows, at, contents

HEAD = known_revisions()[-1]
# What a restore settles anew, and what does not come with a backup.
SETTLED = {"schedule", "node_state", "collectors", "node_samples"}


@pytest.fixture(scope="module")
def source(server: Server) -> Iterator[Database]:
    """A database with a row in every table."""
    with empty_database(server) as database:
        yield at(database, HEAD)


@pytest.fixture(scope="module")
def archive(source: Database) -> bytes:
    return backup_of(source)


@pytest.fixture(scope="module")
def long_archive(server: Server) -> bytes:
    """A backup of many rows."""
    noise = "INSERT INTO event_counters SELECT id, md5(n::text), md5((-n)::text), n"
    with empty_database(server) as database:
        execute(
            at(database, HEAD).owner_url, f"{noise} FROM vps_nodes, generate_series(1, 40000) n"
        )
        return backup_of(database)


@pytest.fixture
def empty(server: Server) -> Iterator[Database]:
    with empty_database(server) as database:
        yield database


def backup_of(database: Database) -> bytes:
    with (
        exported_snapshot(database.owner_url) as snapshot,
        dump(database.owner_url, snapshot) as pieces,
    ):
        return pieces.read()


def load(archive: bytes, database: Database) -> Target:
    target = look_at(database.owner_url)
    Backup(io.BytesIO(archive)).load(database.owner_url, target, lambda _count: None)
    return target


def kept(database: Database) -> Rows:
    return {name: rows for name, rows in contents(database).items() if name not in SETTLED}


# ---------------------------------------------------------------------------- whole


def test_everything_comes_back(archive: bytes, source: Database, empty: Database) -> None:
    load(archive, empty)
    assert kept(empty) == kept(source)


def test_it_comes_back_into_a_migrated_database_too(archive: bytes, database: Database) -> None:
    load(archive, database)
    assert query(database.owner_url, "SELECT count(*) FROM vps_nodes") == [(2,)]


def test_every_target_is_due_and_leased_to_nobody(archive: bytes, empty: Database) -> None:
    target = load(archive, empty)
    rows = query(empty.owner_url, "SELECT next_due_at, lease_until, lease_token FROM schedule")
    assert len(rows) == 3
    assert all((until, token) == (None, None) for _, until, token in rows)
    due = f"SELECT bool_and(next_due_at <= '{target.now}') FROM schedule"
    assert query(empty.owner_url, due) == [(True,)]


def test_no_node_has_a_version_that_any_program_has_seen_it_in(
    archive: bytes, empty: Database
) -> None:
    seen = {7}  # the backup's own
    for _ in range(2):
        load(archive, empty)
        version = int(str(query(empty.owner_url, "SELECT max(version) FROM node_state")[0][0]))
        assert version not in seen
        seen |= {version, version + 1}


def test_neither_samples_nor_heartbeats_come_back(archive: bytes, empty: Database) -> None:
    load(archive, empty)
    assert query(empty.owner_url, "TABLE collectors") == []
    assert query(empty.owner_url, "TABLE node_samples") == []


async def test_the_trail_verifies_to_the_backup_s_head_and_tells_the_restore(
    archive: bytes, empty: Database
) -> None:
    backup = Backup(io.BytesIO(archive))
    load(archive, empty)
    assert verify_chain(read_trail(empty.owner_url), backup.heading.head.hash) is None
    head = await record_restore(empty.owner_url, backup.heading)
    *_, entry = read_trail(empty.owner_url)
    assert (entry.id, entry.action, entry.hash) == (2, "database.restore", head.hash)
    assert verify_chain(read_trail(empty.owner_url)) is None


@pytest.mark.parametrize("revision", known_revisions()[:-1])
def test_an_older_backup_is_brought_to_this_version(
    server: Server, empty: Database, revision: str
) -> None:
    with empty_database(server) as older:
        archive = backup_of(at(older, revision))
    load(archive, empty)
    upgrade(empty.owner_url, empty.url)
    assert query(empty.url, "SELECT version_num FROM alembic_version") == [(HEAD,)]
    assert query(empty.dashboard_url, "SELECT count(*) FROM dashboard.nodes") == [(2,)]


# ---------------------------------------------------------------------------- rights


def test_rights_are_the_product_s_own_again(archive: bytes, empty: Database) -> None:
    load(archive, empty)
    upgrade(empty.owner_url, empty.url)
    assert grants(empty.owner_url, "'vsa'::regrole") == ALLOWED
    assert grants(empty.owner_url, "0") == {}
    open_to_all = """
        SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        AND (proacl IS NULL OR EXISTS (SELECT FROM aclexplode(proacl) WHERE grantee = 0))
    """
    assert query(empty.owner_url, open_to_all) == []
    for role in (empty.url, empty.owner_url):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            execute(role, "DELETE FROM audit_logs")


def test_roles_may_have_other_names_than_where_it_was_made(
    request: pytest.FixtureRequest, archive: bytes
) -> None:
    server: Server = request.getfixturevalue("older_server")  # lets any role in
    roles = {"vsa_owner": "a_boss", "vsa": "a_worker"}
    with empty_database(server) as theirs:
        for role in roles.values():
            server.run("CREATE ROLE {} LOGIN", role)
        server.run("ALTER DATABASE {} OWNER TO {}", theirs.name, roles["vsa_owner"])
        owner, program = (
            make_url(url).set(username=roles[role]).render_as_string()
            for url, role in ((theirs.owner_url, "vsa_owner"), (theirs.url, "vsa"))
        )
        Backup(io.BytesIO(archive)).load(owner, look_at(owner), lambda _count: None)
        upgrade(owner, program)
        assert grants(owner, "'a_worker'::regrole") == ALLOWED
        assert query(program, "SELECT count(*) FROM vps_nodes") == [(2,)]
        owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        assert query(owner, owners) == [("a_boss",)]
    for role in roles.values():
        server.run("DROP ROLE {}", role)


# ---------------------------------------------------------------------------- or not at all


@pytest.mark.parametrize("share", [0.0, 0.02, 0.6, 0.95, 0.999])
def test_of_a_cut_backup_nothing_is_restored(
    archive: bytes, source: Database, database: Database, share: float
) -> None:
    execute(database.owner_url, "INSERT INTO tokens VALUES (DEFAULT, 'mine', 'read', '', 'now')")
    before = contents(database)
    with pytest.raises((ClientError, RestoreError)):
        load(archive[: int(len(archive) * share)], database)
    assert contents(database) == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"age-encryption.org/v1\n" + b"\0" * 5000, "if it is encrypted, decrypt it first"),
        (b"-- PostgreSQL database dump\n", "nothing that `vsa backup` wrote"),
        (b"", "it is empty"),
    ],
)
def test_what_is_no_backup_is_told_apart(content: bytes, said: str) -> None:
    with pytest.raises(RestoreError, match=said):
        Backup(io.BytesIO(content))


def test_a_dump_of_something_else_is_told_apart(empty: Database) -> None:
    execute(empty.owner_url, "CREATE TABLE audit_head (last_id int, hash text)")
    execute(empty.owner_url, "CREATE TABLE alembic_version (version_num text)")
    execute(empty.owner_url, "INSERT INTO audit_head VALUES (0, '')")
    execute(empty.owner_url, "INSERT INTO alembic_version VALUES ('base')")
    with pytest.raises(RestoreError, match="revision base, and this version knows"):
        Backup(io.BytesIO(backup_of(empty)))


def test_a_backup_of_a_newer_version_is_refused_and_both_revisions_named(
    archive: bytes, database: Database
) -> None:
    execute(database.owner_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(RestoreError, match=f"9999.*{HEAD}"):
        Backup(io.BytesIO(backup_of(database)))


class Failing(io.BytesIO):
    """A disk that cannot be read to the end."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > len(self.getbuffer()) * 0.9:
            raise RestoreError("cannot read the backup: Input/output error")
        return super().read(10_000)


def test_a_backup_that_cannot_be_read_to_its_end_is_not_restored(
    long_archive: bytes, database: Database
) -> None:
    backup = Backup(Failing(long_archive))
    with pytest.raises(RestoreError, match="Input/output error"):
        backup.load(database.owner_url, look_at(database.owner_url), lambda _count: None)
    assert query(database.owner_url, "SELECT count(*) FROM vps_nodes") == [(0,)]


def test_tables_of_others_are_never_removed(archive: bytes, database: Database) -> None:
    execute(database.owner_url, "CREATE TABLE wiki (page text)")
    with pytest.raises(ClientError, match="holds what is not of this version: wiki"):
        load(archive, database)
    assert query(database.owner_url, "SELECT count(*) FROM alembic_version") == [(1,)]


def test_a_view_of_others_on_our_tables_is_never_removed(
    archive: bytes, database: Database
) -> None:
    execute(database.owner_url, "CREATE SCHEMA mine CREATE VIEW mine.n AS TABLE public.vps_nodes")
    with pytest.raises(ClientError, match=r"view mine\.n depends on table vps_nodes"):
        load(archive, database)
    assert query(database.owner_url, "TABLE mine.n") == []


# ---------------------------------------------------------------------------- the target


def test_it_is_known_what_stands_in_the_way(source: Database) -> None:
    url = source.url + "&application_name=vsa%20collector"
    with psycopg.connect(url), psycopg.connect(url):
        target = look_at(source.owner_url)
    assert target.programs == {"vsa collector": 2}
    assert target.holds == {"node": 2, "domain": 1, "token": 2, "audit record": 1}


def test_a_migrated_database_without_data_is_empty(database: Database) -> None:
    target = look_at(database.owner_url)
    assert (target.programs, target.holds) == ({}, {})


def test_only_the_start_of_a_backup_is_read_to_know_it(long_archive: bytes) -> None:
    file = io.BytesIO(long_archive)
    assert Backup(file).heading.revision == HEAD
    assert file.tell() < len(long_archive) / 2
