"""Credentials: what engines on other machines want to see of us."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.context import Shared, Tx
from api.problems import problems
from api.schemas.credentials import CredentialAnswer, CredentialBody, Rotation, SecretBody
from api.schemas.listing import Listing
from api.schemas.values import CredentialName
from api.security import Admin
from registry import credentials
from registry.credentials import StoredCredential
from registry.paging import Page
from registry.session import database_now
from registry.vault import Vault

router = APIRouter(tags=["credentials"])


@router.get("/credentials", response_model=Listing[CredentialAnswer])
async def list_credentials(tx: Tx) -> Page[StoredCredential]:
    """List every credential on one page; never a secret."""
    return Page(await credentials.list_credentials(tx), None)


@router.post(
    "/credentials",
    status_code=201,
    response_model=CredentialAnswer,
    responses=problems(400, 409, 413),
)
async def create_credential(
    body: CredentialBody, actor: Admin, shared: Shared, tx: Tx, response: Response
) -> StoredCredential:
    """Store a credential, encrypted; 409 too when VSA_SECRET_KEY is not set."""
    made = await credentials.create_credential(
        tx,
        Vault(shared.settings.secret_keys),
        body.name,
        body.secret.secret(),
        actor=actor,
        now=await database_now(tx),
    )
    response.headers["Location"] = f"/api/credentials/{made.name}"
    return made


@router.post("/credential-rotations", responses=problems(409))
async def rotate_credentials(actor: Admin, shared: Shared, tx: Tx) -> Rotation:
    """Encrypt with VSA_SECRET_KEY what one of VSA_OLD_SECRET_KEYS had encrypted; all or none."""
    vault = Vault(shared.settings.secret_keys)
    return Rotation(rotated=await credentials.rotate(tx, vault, actor, await database_now(tx)))


@router.get("/credentials/{name}", response_model=CredentialAnswer, responses=problems(404))
async def get_credential(name: CredentialName, tx: Tx) -> StoredCredential:
    """Show one credential, without its secret."""
    return await credentials.get_credential(tx, name)


@router.put(
    "/credentials/{name}", response_model=CredentialAnswer, responses=problems(400, 404, 409, 413)
)
async def replace_credential(
    name: CredentialName, body: SecretBody, actor: Admin, shared: Shared, tx: Tx
) -> StoredCredential:
    """Put another secret of the same kind in its place; its nodes are asked with it from then on."""
    return await credentials.replace_credential(
        tx,
        Vault(shared.settings.secret_keys),
        name,
        body.secret(),
        actor=actor,
        now=await database_now(tx),
    )


@router.delete("/credentials/{name}", status_code=204, responses=problems(404, 409))
async def delete_credential(name: CredentialName, actor: Admin, tx: Tx) -> None:
    """Forget a credential; not while a node uses it."""
    await credentials.delete_credential(tx, name, actor, await database_now(tx))
