"""Bearer tokens: made once in the clear, stored as a hash, each with a name and a role."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from registry.audit import Actor, append
from registry.errors import Conflict, FieldFault, NotFound
from registry.models import tokens
from registry.session import Connection
from registry.stored import decode

FIRST = "first"

_TOUCH_EVERY = timedelta(minutes=1)
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
    return decode(row, Token), clear


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


async def ensure_first_token(tx: Connection, clear: str, now: datetime) -> None:
    """Make the token of the setting the live one named "first", role admin, revoking another.

    Several API processes may start at once: the second waits, then finds it done.
    """
    await tx.execute(text("SELECT pg_advisory_xact_lock(hashtext('vsa first token'))"))
    live = (tokens.c.name == FIRST, tokens.c.revoked_at.is_(None))
    row = (await tx.execute(select(tokens.c.hash).where(*live))).one_or_none()
    if row is not None and row.hash == _hash(clear):
        return
    settings = Actor("settings")
    if row is not None:
        await revoke_token(tx, FIRST, settings, now)
    first = {"name": FIRST, "role": Role.ADMIN, "hash": _hash(clear), "created_at": now}
    # A setting that goes back to an earlier token brings that token back.
    again = {"name": FIRST, "role": Role.ADMIN, "created_at": now, "revoked_at": None}
    await tx.execute(
        upsert(tokens).values(first).on_conflict_do_update(index_elements=["hash"], set_=again)
    )
    after = {"name": FIRST, "role": Role.ADMIN.value}
    await append(
        tx,
        settings,
        action="token.create",
        target=f"token/{FIRST}",
        before=None,
        after=after,
        now=now,
    )


def _hash(clear: str) -> bytes:
    """Hash a token: 256 random bits need no slow hash, and an index finds it in constant time."""
    return hashlib.sha256(clear.encode(errors="replace")).digest()
