"""Authorities of private PKIs, trusted beside the system's: for one domain, or for all. Audited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from cryptography import x509
from sqlalchemy import Row, Select, delete, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from registry.audit import Actor, append
from registry.errors import Conflict, FieldFault, Invalid, NotFound
from registry.models import authorities, domains
from registry.pem import read_chain, refused
from registry.schedule import request_now
from registry.session import Connection
from registry.stored import decode
from registry.x509 import REFUSALS, read_certificate


@dataclass(frozen=True, slots=True)
class AuthorityFacts:
    """What an authority's certificate says of itself; `fingerprint` is the SHA-256 of its DER."""

    subject: str
    fingerprint: str
    serial_number: str
    key_type: str
    key_bits: int | None
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Authority:
    """One that is trusted: for the domain of that number and name, or for all where both are None."""

    name: str
    domain_id: int | None
    domain: str | None
    der: bytes
    facts: AuthorityFacts
    created_at: datetime


# ---------------------------------------------------------------------------- changing

# Those whose certificate an authority that was missing may explain.
_ASK_MISTRUSTED = text("""
    UPDATE schedule s
    SET next_due_at = :now, lease_until = NULL, lease_token = NULL
    WHERE EXISTS (
        SELECT FROM endpoints e
        WHERE e.domain_id = s.domain_id
          AND e.faults @> ANY (CAST(ARRAY['[{"verdict": "unknown_authority"}]',
                '[{"verdict": "self_signed"}]', '[{"verdict": "incomplete_chain"}]'] AS jsonb[])))
""")


async def create_authority(
    tx: Connection, name: str, pem: str, domain_id: int | None, *, actor: Actor, now: datetime
) -> Authority:
    """Trust a root; its domain, or all that nobody vouched for so far, are due at once.

    Raises Invalid for what is no root that holds now and for an unknown domain, Conflict when the
    name is taken.
    """
    der, facts = _read_root(pem, now)
    if domain_id is not None:
        await _hold_domain(tx, domain_id)
    made = upsert(authorities).values(
        name=name, domain_id=domain_id, der=der, facts=msgspec.to_builtins(facts), created_at=now
    )
    taken = made.on_conflict_do_nothing(index_elements=["name"]).returning(authorities.c.id)
    if (await tx.execute(taken)).one_or_none() is None:
        raise Conflict(FieldFault("name", "unique", "is the name of another authority"))
    await _ask_anew(tx, domain_id, now)
    authority = await get_authority(tx, name)
    await _audit(tx, actor, "authority.create", authority, now)
    return authority


async def delete_authority(tx: Connection, name: str, actor: Actor, now: datetime) -> None:
    """Trust one no more: its domain is due at once, others learn it at their next probe.

    Raises NotFound.
    """
    authority = await get_authority(tx, name, lock=True)
    await tx.execute(delete(authorities).where(authorities.c.name == name))
    if authority.domain_id is not None:
        await request_now(tx, domain_id=authority.domain_id, now=now)
    await _audit(tx, actor, "authority.delete", authority, now)


def _read_root(pem: str, now: datetime) -> tuple[bytes, AuthorityFacts]:
    """Return one root that holds now. What no verification could end at is refused here and now."""
    ders = read_chain("pem", pem)
    if len(ders) != 1:
        raise refused("pem", f"must be one certificate, the root alone; these are {len(ders)}")
    read = read_certificate(ders[0])
    if read.facts.parse_error:
        raise refused("pem", f"cannot be read: {read.facts.parse_error}")
    if not _is_authority(ders[0]):
        raise refused("pem", "must be an authority's certificate, with basicConstraints CA:TRUE")
    if not read.self_issued:
        raise refused("pem", f"must be a root; this one was issued by {read.facts.issuer}")
    facts = decode(read.facts, AuthorityFacts)
    if facts.not_after < now:
        raise refused("pem", f"must hold still; it ended {facts.not_after:%Y-%m-%d %H:%M} UTC")
    return ders[0], facts


def _is_authority(der: bytes) -> bool:
    try:
        extensions = x509.load_der_x509_certificate(der).extensions
        return extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, *REFUSALS):
        return False


async def _hold_domain(tx: Connection, domain_id: int) -> None:
    """Hold the domain until the commit. Raises Invalid where there is none."""
    query = select(domains.c.id).where(domains.c.id == domain_id).with_for_update(key_share=True)
    if (await tx.execute(query)).one_or_none() is None:
        message = f"must be the number of a domain, not {domain_id}"
        raise Invalid((FieldFault("domain_id", "exists", message),))


async def _ask_anew(tx: Connection, domain_id: int | None, now: datetime) -> None:
    if domain_id is None:
        await tx.execute(_ASK_MISTRUSTED, {"now": now})
    else:
        await request_now(tx, domain_id=domain_id, now=now)


async def _audit(
    tx: Connection, actor: Actor, action: str, authority: Authority, now: datetime
) -> None:
    said = {"name": authority.name, "domain_id": authority.domain_id, "domain": authority.domain}
    values = said | msgspec.to_builtins(authority.facts)
    is_new = action == "authority.create"
    await append(
        tx,
        actor,
        action=action,
        target=f"authority/{authority.name}",
        before=None if is_new else values,
        after=values if is_new else None,
        now=now,
    )


# ---------------------------------------------------------------------------- reading


async def list_authorities(tx: Connection) -> list[Authority]:
    """Return every authority by name."""
    return [_authority(row) for row in await tx.execute(_select().order_by(authorities.c.name))]


async def get_authority(tx: Connection, name: str, *, lock: bool = False) -> Authority:
    """Return one; with `lock` nobody forgets it meanwhile. Raises NotFound."""
    query = _select().where(authorities.c.name == name)
    query = query.with_for_update(of=authorities) if lock else query
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        raise NotFound("authority", name)
    return _authority(row)


def _select() -> Select[Any]:
    return select(*authorities.c, domains.c.name.label("domain")).outerjoin_from(
        authorities, domains
    )


def _authority(row: Row[Any]) -> Authority:
    return Authority(
        name=row.name,
        domain_id=row.domain_id,
        domain=row.domain,
        der=row.der,
        facts=decode(row.facts, AuthorityFacts),
        created_at=row.created_at,
    )
