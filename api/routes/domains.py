"""Domains: the names whose TLS is watched."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from api.asking import ask_now
from api.context import Shared, Tx
from api.problems import problems
from api.schemas.domains import DomainAnswer, DomainBody, DomainOutcome, DomainPatch
from api.schemas.listing import Listing, ListQuery, TargetQuery
from api.schemas.merge import patched
from api.security import Writer
from registry import domain_history, domains
from registry.domain_history import CertificateChangeRow, ServedRow
from registry.domains import Domain
from registry.paging import Page
from registry.schedule import request_probe
from registry.session import Connection, database_now

router = APIRouter(prefix="/domains", tags=["domains"])

DomainId = Annotated[int, Path(alias="id", ge=1, lt=1 << 63)]


@router.get("", response_model=Listing[DomainAnswer])
async def list_domains(query: Annotated[TargetQuery, Query()], tx: Tx) -> Page[Domain]:
    """List domains by name."""
    return await domains.list_domains(
        tx,
        limit=query.limit,
        cursor=query.cursor,
        enabled=query.enabled,
        label=query.label_pair(),
    )


@router.post("", status_code=201, response_model=DomainAnswer, responses=problems(400, 409, 413))
async def create_domain(body: DomainBody, actor: Writer, tx: Tx, response: Response) -> Domain:
    """Watch a domain; it is asked at once."""
    domain = await domains.create_domain(tx, body.spec(), actor, await database_now(tx))
    response.headers["Location"] = f"/api/domains/{domain.id}"
    return domain


@router.get("/{id}", response_model=DomainAnswer, responses=problems(404))
async def get_domain(domain_id: DomainId, tx: Tx) -> Domain:
    """Show one domain."""
    return await domains.get_domain(tx, domain_id)


@router.get("/{id}/served", response_model=Listing[ServedRow], responses=problems(404))
async def list_served(
    domain_id: DomainId, query: Annotated[ListQuery, Query()], tx: Tx
) -> Page[ServedRow]:
    """List which address served which certificate from when until when, what began last first."""
    await domains.get_domain(tx, domain_id)
    return await domain_history.list_served(tx, domain_id, **query.model_dump())


@router.get(
    "/{id}/certificate-changes",
    response_model=Listing[CertificateChangeRow],
    responses=problems(404),
)
async def list_certificate_changes(
    domain_id: DomainId, query: Annotated[ListQuery, Query()], tx: Tx
) -> Page[CertificateChangeRow]:
    """List what was new about the certificates of a domain's addresses, the newest first."""
    await domains.get_domain(tx, domain_id)
    return await domain_history.list_certificate_changes(tx, domain_id, **query.model_dump())


@router.patch("/{id}", response_model=DomainAnswer, responses=problems(400, 404, 409, 413))
async def change_domain(domain_id: DomainId, patch: DomainPatch, actor: Writer, tx: Tx) -> Domain:
    """Change a domain; it is asked at once. A patch that changes nothing does nothing."""
    domain = await domains.get_domain(tx, domain_id, lock=True)
    body = patched(DomainAnswer.model_validate(domain), patch, DomainBody)
    changes = asdict(body.spec())
    return await domains.update_domain(tx, domain_id, changes, actor, await database_now(tx))


@router.delete("/{id}", status_code=204, responses=problems(404))
async def delete_domain(domain_id: DomainId, actor: Writer, tx: Tx) -> None:
    """Stop watching a domain and forget what was seen of it; its certificates stay for `VSA_RETENTION`."""
    await domains.delete_domain(tx, domain_id, actor, await database_now(tx))


@router.post("/{id}/probe", response_model=DomainOutcome, responses=problems(404, 409, 504))
async def probe_domain(domain_id: DomainId, _: Writer, shared: Shared) -> DomainOutcome:
    """Ask a domain now and answer with the outcome."""

    async def look(tx: Connection) -> Domain:
        return await domains.get_domain(tx, domain_id)

    async def request(tx: Connection, domain: Domain, now: datetime) -> UUID | None:
        return await request_probe(tx, domain_id=domain.id, now=now)

    domain = await ask_now(shared.engine, look, request, shared.settings.probe_timeout)
    return DomainOutcome.of(domain)
