"""Authorities: what is sent to trust one, and what is answered."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.values import AuthorityName, Pem, RowId
from registry.authorities import Authority, AuthorityFacts


class AuthorityBody(BaseModel):
    """A root to trust beside the system's; without `domain_id` it vouches for every domain."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "corp", "pem": "-----BEGIN CERTIFICATE-----…", "domain_id": None}]
        },
    )

    name: AuthorityName
    pem: Pem
    domain_id: RowId | None = None


@dataclass(frozen=True, slots=True)
class AuthorityAnswer:
    """One that is trusted; `domain` is the name of the one domain that it vouches for, null: for all."""

    name: str
    domain_id: int | None
    domain: str | None
    facts: AuthorityFacts
    pem: Annotated[str, Field(description="the certificate itself")]
    created_at: datetime

    @classmethod
    def of(cls, authority: Authority) -> AuthorityAnswer:
        """Write a root of the registry as PEM."""
        return cls(
            name=authority.name,
            domain_id=authority.domain_id,
            domain=authority.domain,
            facts=authority.facts,
            pem=ssl.DER_cert_to_PEM_cert(authority.der),
            created_at=authority.created_at,
        )
