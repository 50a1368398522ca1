from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from registry.audit import Actor, AuditFilter, stream_entries
from registry.errors import Conflict, NotFound
from registry.session import Connection, Engine
from registry.settings import read_settings
from registry.tokens import (
    Role,
    SettingToken,
    TokenTaken,
    any_token,
    authenticate,
    create_token,
    ensure_tokens,
    list_tokens,
    revoke_token,
    tokens_of,
)
from tests.registry.targets import NOW, later

ADMIN = Actor("admin")
CLEAR = "a-token-of-the-settings"
OTHER = "another-token-of-the-settings"


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


# ---------------------------------------------------------------------------- tokens of the settings


def first(clear: str = CLEAR) -> list[SettingToken]:
    return tokens_of(read_settings({"VSA_API_TOKEN": clear}))


async def test_each_setting_s_token_has_its_name_and_role(tx: Connection) -> None:
    settings = {
        "VSA_API_TOKEN": CLEAR,
        "VSA_PROXY_TOKEN": OTHER,
        "VSA_PROMETHEUS_TOKEN": "a-third-token-of-the-settings",
    }
    await ensure_tokens(tx, tokens_of(read_settings(settings)), NOW)
    found = [await authenticate(tx, clear, NOW) for clear in settings.values()]
    assert [(token.name, token.role) for token in found if token] == [
        ("first", Role.ADMIN),
        ("proxy", Role.WRITE),
        ("prometheus", Role.READ),
    ]


async def test_without_settings_no_token_is_made(tx: Connection) -> None:
    await ensure_tokens(tx, tokens_of(read_settings({})), NOW)
    assert not await any_token(tx)


async def test_the_same_setting_again_changes_nothing(tx: Connection) -> None:
    await ensure_tokens(tx, first(), NOW)
    await ensure_tokens(tx, first(), later(5))
    assert await actions(tx) == [("token.create", "token/first")]


async def test_a_changed_setting_ends_the_old_token(tx: Connection) -> None:
    await ensure_tokens(tx, first(), NOW)
    await ensure_tokens(tx, first(OTHER), later(1))
    assert await authenticate(tx, CLEAR, later(1)) is None
    assert await authenticate(tx, OTHER, later(1)) is not None
    assert [action for action, _ in await actions(tx)] == [
        "token.create",
        "token.revoke",
        "token.create",
    ]


async def test_a_token_made_by_hand_gives_its_name_to_the_setting_s(tx: Connection) -> None:
    _, clear = await create_token(tx, "prometheus", Role.READ, ADMIN, NOW)
    settings = read_settings({"VSA_PROMETHEUS_TOKEN": OTHER})
    await ensure_tokens(tx, tokens_of(settings), later(1))
    assert await authenticate(tx, clear, later(1)) is None
    assert await authenticate(tx, OTHER, later(1)) is not None


async def test_a_revoked_token_stays_revoked_though_its_setting_stands(
    tx: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    await ensure_tokens(tx, first(), NOW)
    await revoke_token(tx, "first", ADMIN, later(1))
    await ensure_tokens(tx, first(), later(2))
    assert await authenticate(tx, CLEAR, later(2)) is None
    assert "VSA_API_TOKEN: this token was revoked and stays so" in caplog.text
    assert CLEAR not in caplog.text


async def test_a_setting_that_goes_back_to_an_earlier_text_opens_nothing(tx: Connection) -> None:
    for second, clear in enumerate((CLEAR, OTHER, CLEAR)):
        await ensure_tokens(tx, first(clear), later(second))
    assert not await any_token(tx)


@pytest.mark.parametrize("revoked", [False, True])
async def test_the_text_of_another_token_is_refused_and_renames_nothing(
    tx: Connection, revoked: bool
) -> None:
    made, clear = await create_token(tx, "ci", Role.READ, ADMIN, NOW)
    if revoked:
        await revoke_token(tx, "ci", ADMIN, NOW)
    with pytest.raises(TokenTaken, match=r"VSA_API_TOKEN: must be a text of its own.*token ci"):
        await ensure_tokens(tx, first(clear), later(1))
    assert [token.name for token in await list_tokens(tx)] == [made.name]


async def test_a_token_of_the_name_with_another_role_is_refused(tx: Connection) -> None:
    _, clear = await create_token(tx, "proxy", Role.ADMIN, ADMIN, NOW)
    with pytest.raises(TokenTaken, match="token proxy, role admin"):
        await ensure_tokens(tx, tokens_of(read_settings({"VSA_PROXY_TOKEN": clear})), NOW)


async def test_programs_that_start_at_once_make_one_first_token(engine: Engine) -> None:
    async def start() -> None:
        async with engine.begin() as tx:
            await ensure_tokens(tx, first(), NOW)

    await asyncio.gather(*(start() for _ in range(5)))
    async with engine.begin() as tx:
        assert len(await list_tokens(tx)) == len(await actions(tx)) == 1
