"""Credentials: what engines on other machines want to see of us. Sealed, write-only, audited."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, Select, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from registry.audit import Actor, append
from registry.errors import Conflict, FieldFault, Invalid, NotFound
from registry.facts.credentials import (
    Credential,
    Secret,
    SshCredential,
    TlsCredential,
    UnusableCredential,
)
from registry.key_material import CredentialFacts, facts_of
from registry.models import credentials, vps_nodes
from registry.session import Connection
from registry.stored import decode
from registry.vault import Vault, VaultError

_KINDS: Mapping[str, type[Secret]] = {"tls": TlsCredential, "ssh": SshCredential}


@dataclass(frozen=True, slots=True)
class StoredCredential:
    """A credential as the registry shows it, never its secret; `nodes` are the names of its users."""

    name: str
    kind: str
    facts: CredentialFacts
    created_at: datetime
    updated_at: datetime
    nodes: tuple[str, ...] = ()


# ---------------------------------------------------------------------------- changing


async def create_credential(
    tx: Connection, vault: Vault, name: str, secret: Secret, *, actor: Actor, now: datetime
) -> StoredCredential:
    """Store a credential.

    Raises Invalid for keys that do not fit, Conflict when the name is taken, VaultError without a key.
    """
    values = {**_columns(vault, name, secret), "created_at": now, "updated_at": now}
    made = upsert(credentials).values(name=name, version=1, **values)
    taken = made.on_conflict_do_nothing(index_elements=["name"]).returning(credentials.c.id)
    if (await tx.execute(taken)).one_or_none() is None:
        raise Conflict(FieldFault("name", "unique", "is the name of another credential"))
    stored = await get_credential(tx, name)
    await _audit(tx, actor, "credential.create", now, after=stored)
    return stored


async def replace_credential(
    tx: Connection, vault: Vault, name: str, secret: Secret, *, actor: Actor, now: datetime
) -> StoredCredential:
    """Put another secret in a credential's place; its nodes are asked with it from then on.

    Raises NotFound, VaultError, and Invalid for keys that do not fit or are of another kind.
    """
    before = await get_credential(tx, name, lock=True)
    values = _columns(vault, name, secret)
    if values["kind"] != before.kind:
        raise Invalid((FieldFault("kind", "kind", f"must stay {before.kind}"),))
    mine = credentials.c.name == name
    change = update(credentials).where(mine).values(version=credentials.c.version + 1, **values)
    await tx.execute(change.values(updated_at=now))
    after = await get_credential(tx, name)
    await _audit(tx, actor, "credential.update", now, before=before, after=after)
    return after


async def delete_credential(tx: Connection, name: str, actor: Actor, now: datetime) -> None:
    """Forget a credential. Raises NotFound, and Conflict while nodes use it."""
    before = await get_credential(tx, name, lock=True)
    if before.nodes:
        users = ", ".join(before.nodes[:5]) + (" and others" if len(before.nodes) > 5 else "")
        raise Conflict(FieldFault("name", "in_use", f"is the credential of {users}"))
    await tx.execute(delete(credentials).where(credentials.c.name == name))
    await _audit(tx, actor, "credential.delete", now, before=before)


async def rotate(tx: Connection, vault: Vault, actor: Actor, now: datetime) -> int:
    """Seal every credential with the newest key; returns how many an older one had sealed.

    Raises VaultError, naming the credential that no key opens; then nothing is changed.
    """
    rows = await tx.execute(select(credentials).order_by(credentials.c.name).with_for_update())
    old = [row for row in rows if not vault.is_current(row.sealed)]
    for row in old:
        sealed = vault.seal(_open(vault, row), _owner(row.name))
        await tx.execute(
            update(credentials).where(credentials.c.id == row.id).values(sealed=sealed)
        )
    if old:
        names = [row.name for row in old]
        await append(
            tx,
            actor,
            action="credential.rotate",
            target="credentials",
            before=None,
            after={"names": names},
            now=now,
        )
    return len(old)


def _columns(vault: Vault, name: str, secret: Secret) -> dict[str, Any]:
    """Return kind, sealed secret and facts as the columns hold them."""
    kind = next(kind for kind, facts in _KINDS.items() if isinstance(secret, facts))
    facts = msgspec.to_builtins(facts_of(secret))
    return {
        "kind": kind,
        "sealed": vault.seal(msgspec.json.encode(secret), _owner(name)),
        "facts": facts,
    }


async def _audit(
    tx: Connection,
    actor: Actor,
    action: str,
    now: datetime,
    *,
    before: StoredCredential | None = None,
    after: StoredCredential | None = None,
) -> None:
    named = before or after
    assert named is not None
    await append(
        tx,
        actor,
        action=action,
        target=f"credential/{named.name}",
        before=_audited(before),
        after=_audited(after),
        now=now,
    )


def _audited(stored: StoredCredential | None) -> dict[str, object] | None:
    if stored is None:
        return None
    shown = {"name": stored.name, "kind": stored.kind}
    return shown | {
        name: value for name, value in msgspec.to_builtins(stored.facts).items() if value
    }


# ---------------------------------------------------------------------------- reading


async def list_credentials(tx: Connection) -> list[StoredCredential]:
    """Return every credential by name."""
    return [_stored(row) for row in await tx.execute(_select().order_by(credentials.c.name))]


async def get_credential(tx: Connection, name: str, *, lock: bool = False) -> StoredCredential:
    """Return one; with `lock` nobody changes it or begins to use it meanwhile. Raises NotFound."""
    query = _select().where(credentials.c.name == name)
    row = (await tx.execute(query.with_for_update() if lock else query)).one_or_none()
    if row is None:
        raise NotFound("credential", name)
    return _stored(row)


def _select() -> Select[Any]:
    users = (
        select(func.array_agg(vps_nodes.c.name))
        .where(vps_nodes.c.credential_id == credentials.c.id)
        .scalar_subquery()
    )
    return select(*credentials.c, users.label("nodes"))


def _stored(row: Row[Any]) -> StoredCredential:
    return StoredCredential(
        name=row.name,
        kind=row.kind,
        facts=decode(row.facts, CredentialFacts),
        created_at=row.created_at,
        updated_at=row.updated_at,
        nodes=tuple(sorted(row.nodes or ())),
    )


# ---------------------------------------------------------------------------- using


class Keyring:
    """Opens credentials for a collector, each once while it stays the same."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._opened: dict[int, tuple[int, Credential]] = {}

    async def load(self, tx: Connection, wanted: Iterable[tuple[int, int]]) -> None:
        """Make ready the credentials of these ids, at least as new as these versions."""
        missing = {key for key, version in wanted if self._version(key) < version}
        if missing:
            query = select(credentials).where(credentials.c.id.in_(missing))
            for row in await tx.execute(query):
                self._opened[row.id] = row.version, _credential(self._vault, row)

    def __getitem__(self, credential_id: int) -> Credential:
        """Return a credential that was made ready."""
        return self._opened[credential_id][1]

    def _version(self, credential_id: int) -> int:
        return self._opened[credential_id][0] if credential_id in self._opened else -1


def _credential(vault: Vault, row: Row[Any]) -> Credential:
    try:
        return msgspec.json.decode(_open(vault, row), type=_KINDS[row.kind])
    except VaultError as error:
        return UnusableCredential(str(error))


def _open(vault: Vault, row: Row[Any]) -> bytes:
    try:
        return vault.open(row.sealed, _owner(row.name))
    except VaultError as error:
        raise VaultError(f"credential {row.name} {error}") from None


def _owner(name: str) -> str:
    return f"credential/{name}"
