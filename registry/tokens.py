"""Bearer tokens: made once in the clear, stored as a hash, each with a name and a role."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from registry.audit import Actor, append
from registry.errors import Conflict, FieldFault, NotFound, RegistryError
from registry.models import tokens
from registry.session import Connection
from registry.settings import Settings
from registry.stored import decode

FIRST = "first"
PROXY = "proxy"
PROMETHEUS = "prometheus"

log = logging.getLogger(__name__)

_TOUCH_EVERY = timedelta(minutes=1)
_SETTINGS = Actor("settings")
_COLUMNS = [
    tokens.c[name] for name in ("id", "name", "role", "created_at", "last_used_at", "revoked_at")
]


class Role(StrEnum):
    """What a token may do; each role may all that the ones before it may."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    # `str` would order them by the alphabet, in which an admin is less than a reader.
    def __lt__(self, other: str) -> bool:
        return self._rank < Role(other)._rank

    def __le__(self, other: str) -> bool:
        return self._rank <= Role(other)._rank

    def __gt__(self, other: str) -> bool:
        return self._rank > Role(other)._rank

    def __ge__(self, other: str) -> bool:
        return self._rank >= Role(other)._rank

    @property
    def _rank(self) -> int:
        return list(Role).index(self)


@dataclass(frozen=True, slots=True)
class Token:
    """A token as the registry knows it: never the text itself."""

    id: int
    name: str
    role: Role
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


async def create_token(
    tx: Connection, name: str, role: Role, actor: Actor, now: datetime
) -> tuple[Token, str]:
    """Make a token; its clear text is returned here and nowhere again.

    Raises Conflict while a live token has the name.
    """
    clear = f"vsa_{secrets.token_urlsafe(32)}"
    return await _add(tx, name, role, clear, actor=actor, now=now), clear


async def _add(
    tx: Connection, name: str, role: Role, clear: str, *, actor: Actor, now: datetime
) -> Token:
    made = upsert(tokens).values(name=name, role=role, hash=_hash(clear), created_at=now)
    unless_taken = made.on_conflict_do_nothing(
        index_elements=["name"], index_where=tokens.c.revoked_at.is_(None)
    )
    row = (await tx.execute(unless_taken.returning(*_COLUMNS))).one_or_none()
    if row is None:
        raise Conflict(FieldFault("name", "unique", "is the name of a token that is in use"))
    after = {"name": name, "role": role.value}
    await append(
        tx, actor, action="token.create", target=f"token/{name}", before=None, after=after, now=now
    )
    return decode(row, Token)


async def authenticate(tx: Connection, clear: str, now: datetime) -> Token | None:
    """Return the live token that `clear` is, None for any other text."""
    live = select(*_COLUMNS).where(tokens.c.hash == _hash(clear), tokens.c.revoked_at.is_(None))
    row = (await tx.execute(live)).one_or_none()
    if row is None:
        return None
    # Once a minute: a write for each request would make every reader wait for its neighbour.
    if row.last_used_at is None or row.last_used_at < now - _TOUCH_EVERY:
        await tx.execute(update(tokens).where(tokens.c.id == row.id).values(last_used_at=now))
    return decode(row, Token)


async def list_tokens(tx: Connection) -> list[Token]:
    """Return every token, revoked ones too, in the order in which they were made."""
    return [decode(row, Token) for row in await tx.execute(select(*_COLUMNS).order_by(tokens.c.id))]


async def revoke_token(tx: Connection, name: str, actor: Actor, now: datetime) -> Token:
    """Take the live token of that name out of use. Raises NotFound where there is none."""
    live = (tokens.c.name == name, tokens.c.revoked_at.is_(None))
    revoked = update(tokens).where(*live).values(revoked_at=now).returning(*_COLUMNS)
    row = (await tx.execute(revoked)).one_or_none()
    if row is None:
        raise NotFound("token", name)
    before = {"name": name, "role": str(row.role)}
    await append(
        tx, actor, action="token.revoke", target=f"token/{name}", before=before, after=None, now=now
    )
    return decode(row, Token)


async def any_token(tx: Connection) -> bool:
    """Say whether any token is in use."""
    query = select(tokens.c.id).where(tokens.c.revoked_at.is_(None)).limit(1)
    return (await tx.execute(query)).first() is not None


# ---------------------------------------------------------------------------- tokens of the settings


@dataclass(frozen=True, slots=True)
class SettingToken:
    """A token that the settings name: its setting, the name and role it gets, its clear text."""

    setting: str
    name: str
    role: Role
    clear: str


def tokens_of(settings: Settings) -> list[SettingToken]:
    """List the tokens that the settings hold."""
    of_settings = (
        ("VSA_API_TOKEN", FIRST, Role.ADMIN, settings.api_token),
        ("VSA_PROXY_TOKEN", PROXY, Role.WRITE, settings.proxy_token),
        ("VSA_PROMETHEUS_TOKEN", PROMETHEUS, Role.READ, settings.prometheus_token),
    )
    return [
        SettingToken(setting, name, role, clear.get_secret_value())
        for setting, name, role, clear in of_settings
        if clear
    ]


class TokenTaken(RegistryError):
    """A setting holds the text of another token."""

    def __init__(self, setting: str, other: str, role: str) -> None:
        super().__init__(
            f"{setting}: must be a text of its own; this is the token {other}, role {role}"
        )


async def ensure_tokens(tx: Connection, wanted: Iterable[SettingToken], now: datetime) -> None:
    """Make each token of the settings the live one of its name, in place of any other.

    A text that was revoked stays revoked, whatever the settings say: a leaked one must not come back
    at the next start. Raises TokenTaken. Several API processes may start at once: the second waits,
    then finds it done.
    """
    await tx.execute(text("SELECT pg_advisory_xact_lock(hashtext('vsa tokens of the settings'))"))
    for token in wanted:
        await _ensure(tx, token, now)


async def _ensure(tx: Connection, wanted: SettingToken, now: datetime) -> None:
    by_text = select(*_COLUMNS).where(tokens.c.hash == _hash(wanted.clear))
    row = (await tx.execute(by_text)).one_or_none()
    known = None if row is None else decode(row, Token)
    if known and (known.name, known.role) != (wanted.name, wanted.role):
        raise TokenTaken(wanted.setting, known.name, known.role)
    if known and known.revoked_at is None:
        return
    await _retire(tx, wanted.name, now)
    if known:
        log.warning("%s: this token was revoked and stays so; set a new one", wanted.setting)
    else:
        await _add(tx, wanted.name, wanted.role, wanted.clear, actor=_SETTINGS, now=now)


async def _retire(tx: Connection, name: str, now: datetime) -> None:
    """Revoke whatever token has the name: the settings no longer hold it."""
    live = select(tokens.c.id).where(tokens.c.name == name, tokens.c.revoked_at.is_(None))
    if (await tx.execute(live)).first() is not None:
        await revoke_token(tx, name, _SETTINGS, now)


def _hash(clear: str) -> bytes:
    """Hash a token: 256 random bits need no slow hash, and an index finds it in constant time."""
    return hashlib.sha256(clear.encode(errors="replace")).digest()
