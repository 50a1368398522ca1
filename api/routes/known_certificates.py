"""Certificates that are known beside the wire: files on a collector's host, and uploads."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.context import Tx
from api.problems import problems
from api.schemas.listing import Listing
from api.schemas.seen import KnownQuery, UploadBody
from api.schemas.values import UploadName
from api.security import Writer
from registry import known_certificates
from registry.known_certificates import KnownCertificate
from registry.paging import Page
from registry.session import database_now

router = APIRouter(tags=["seen"])


@router.get("/known-certificates", response_model=Listing[KnownCertificate])
async def list_known_certificates(
    query: Annotated[KnownQuery, Query()], tx: Tx
) -> Page[KnownCertificate]:
    """List files and uploads with their certificates, those that cannot be read too."""
    return await known_certificates.list_known(tx, **query.model_dump())


@router.post(
    "/certificates",
    status_code=201,
    responses={
        **problems(400, 413),
        200: {"description": "One had the name", "model": KnownCertificate},
    },
)
async def upload_certificate(
    body: UploadBody, actor: Writer, tx: Tx, response: Response
) -> KnownCertificate:
    """Keep a certificate under a name, in place of the one that had it: 201 when none had, else 200."""
    done = await known_certificates.upload_certificate(
        tx, body.name, body.pem, actor=actor, now=await database_now(tx)
    )
    response.status_code = 201 if done.is_new else 200
    response.headers["Location"] = f"/api/certificates/{done.known.fingerprint}"
    return done.known


@router.delete("/known-certificates/{name}", status_code=204, responses=problems(404))
async def delete_upload(name: UploadName, actor: Writer, tx: Tx) -> None:
    """Forget an upload; a file is known as long as a collector finds it."""
    await known_certificates.delete_upload(tx, name, actor, await database_now(tx))
