"""Tokens: what is sent to make one, and what is answered."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from api.schemas.values import TokenName
from registry.tokens import Role


class TokenBody(BaseModel):
    """A token to make; its name is the actor in the audit trail."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "ci", "role": "write"}]}
    )

    name: TokenName
    role: Role


class TokenAnswer(BaseModel):
    """A token, without its secret."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    role: Role
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class NewToken(TokenAnswer):
    """A token just made; `token` is its secret, shown this once."""

    token: str
