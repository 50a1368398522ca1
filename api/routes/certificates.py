"""Certificates that the watched domains serve or served."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.context import Tx
from api.problems import problems
from api.schemas.listing import Listing
from api.schemas.seen import Certificate, CertificateInFull, CertificateQuery
from registry import history

router = APIRouter(prefix="/certificates", tags=["seen"])

Fingerprint = Annotated[
    str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the DER, lower-case hex")
]


@router.get("")
async def list_certificates(
    query: Annotated[CertificateQuery, Query()], tx: Tx
) -> Listing[Certificate]:
    """List certificates, the soonest to expire first."""
    page = await history.list_certificates(tx, **query.model_dump())
    return Listing(items=[Certificate.of(row) for row in page.items], next=page.next)


@router.get("/{fingerprint}", responses=problems(404))
async def get_certificate(fingerprint: Fingerprint, tx: Tx) -> CertificateInFull:
    """Show one certificate and where it is served now."""
    return CertificateInFull.of(await history.get_certificate(tx, fingerprint))
