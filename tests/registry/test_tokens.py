from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from registry.audit import Actor, AuditFilter, stream_entries
from registry.errors import Conflict, NotFound
from registry.session import Connection, Engine
from registry.tokens import (
    Role,
    any_token,
    authenticate,
    create_token,
    ensure_first_token,
    list_tokens,
    revoke_token,
)
from tests.registry.targets import NOW, later

ADMIN = Actor("admin")
CLEAR = "a-token-of-the-settings"


async def actions(tx: Connection) -> list[tuple[str, str]]:
    return [(e.action, e.target) async for e in stream_entries(tx, AuditFilter())]


async def test_a_token_opens_the_door_with_its_name_and_role(tx: Connection) -> None:
    made, clear = await create_token(tx, "ci", Role.WRITE, ADMIN, NOW)
    found = await authenticate(tx, clear, NOW)
    assert found is not None
    assert (found.id, found.name, found.role) == (made.id, "ci", Role.WRITE)


async def test_the_clear_text_is_stored_nowhere(tx: Connection) -> None:
    _, clear = await create_token(tx, "ci", Role.WRITE, ADMIN, NOW)
    for table in ("tokens", "audit_logs"):
        rows = await tx.execute(text(f"SELECT t::text FROM {table} t"))
        assert not any(clear in row or clear.encode().hex() in row for row in rows.scalars())


@pytest.mark.parametrize("clear", ["", "vsa_", "x" * 10_000, "\x00", "\ud800"])
async def test_any_other_text_opens_nothing(tx: Connection, clear: str) -> None:
    await create_token(tx, "ci", Role.WRITE, ADMIN, NOW)
    assert await authenticate(tx, clear, NOW) is None


async def test_a_revoked_token_opens_nothing_and_frees_its_name(tx: Connection) -> None:
    _, clear = await create_token(tx, "ci", Role.READ, ADMIN, NOW)
    await revoke_token(tx, "ci", ADMIN, later(1))
    assert await authenticate(tx, clear, later(2)) is None
    await create_token(tx, "ci", Role.READ, ADMIN, later(3))
    assert [token.revoked_at for token in await list_tokens(tx)] == [later(1), None]


async def test_a_name_in_use_is_refused(tx: Connection) -> None:
    await create_token(tx, "ci", Role.READ, ADMIN, NOW)
    with pytest.raises(Conflict) as caught:
        await create_token(tx, "ci", Role.ADMIN, ADMIN, NOW)
    assert caught.value.fault.field == "name"


async def test_what_is_not_there_cannot_be_revoked(tx: Connection) -> None:
    with pytest.raises(NotFound):
        await revoke_token(tx, "ci", ADMIN, NOW)


async def test_making_and_revoking_are_audited(tx: Connection) -> None:
    await create_token(tx, "ci", Role.READ, ADMIN, NOW)
    await revoke_token(tx, "ci", ADMIN, NOW)
    assert await actions(tx) == [("token.create", "token/ci"), ("token.revoke", "token/ci")]


async def test_the_last_use_is_noted_at_most_once_a_minute(tx: Connection) -> None:
    _, clear = await create_token(tx, "ci", Role.READ, ADMIN, NOW)
    for seconds in (0, 30, 61, 90):
        await authenticate(tx, clear, later(seconds))
    assert [token.last_used_at for token in await list_tokens(tx)] == [later(61)]


def test_roles_are_ordered_by_what_they_may() -> None:
    assert Role.READ < Role.WRITE < Role.ADMIN
    assert Role.ADMIN >= Role.ADMIN > Role.READ
    assert max(Role) is Role.ADMIN
    assert not Role.ADMIN <= Role.WRITE


# ---------------------------------------------------------------------------- the first token


async def test_the_setting_s_token_is_the_first_admin(tx: Connection) -> None:
    assert not await any_token(tx)
    await ensure_first_token(tx, CLEAR, NOW)
    assert await any_token(tx)
    found = await authenticate(tx, CLEAR, NOW)
    assert found is not None
    assert (found.name, found.role) == ("first", Role.ADMIN)


async def test_the_same_setting_again_changes_nothing(tx: Connection) -> None:
    await ensure_first_token(tx, CLEAR, NOW)
    await ensure_first_token(tx, CLEAR, later(5))
    assert len(await actions(tx)) == 1


async def test_a_changed_setting_replaces_the_first_token_and_back(tx: Connection) -> None:
    await ensure_first_token(tx, CLEAR, NOW)
    await ensure_first_token(tx, "another-token-of-the-settings", later(1))
    assert await authenticate(tx, CLEAR, later(1)) is None
    await ensure_first_token(tx, CLEAR, later(2))
    assert await authenticate(tx, CLEAR, later(2)) is not None
    assert await authenticate(tx, "another-token-of-the-settings", later(2)) is None


async def test_the_first_token_s_replacement_is_audited_as_a_revocation_too(tx: Connection) -> None:
    await ensure_first_token(tx, CLEAR, NOW)
    await ensure_first_token(tx, "another-token-of-the-settings", later(1))
    assert [action for action, _ in await actions(tx)] == [
        "token.create",
        "token.revoke",
        "token.create",
    ]


async def test_programs_that_start_at_once_make_one_first_token(engine: Engine) -> None:
    async def start() -> None:
        async with engine.begin() as tx:
            await ensure_first_token(tx, CLEAR, NOW)

    await asyncio.gather(*(start() for _ in range(5)))
    async with engine.begin() as tx:
        assert len(await list_tokens(tx)) == len(await actions(tx)) == 1
