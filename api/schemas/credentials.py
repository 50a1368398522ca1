"""Credentials: what is sent to store one, and what is answered, which is never a secret."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from api.schemas.values import CredentialName, Pem
from registry.facts.credentials import SshCredential, TlsCredential
from registry.key_material import CredentialFacts

SecretPem = Annotated[SecretStr, Field(max_length=20 << 10, json_schema_extra={"writeOnly": True})]


class TlsBody(BaseModel):
    """What is trusted in engines and shown to them over TLS, as PEM."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["tls"]
    ca: Pem = ""
    certificate: Pem = ""
    key: SecretPem = SecretStr("")

    def secret(self) -> TlsCredential:
        """Return it as the registry takes it."""
        return TlsCredential(self.ca, self.certificate, self.key.get_secret_value())


class SshBody(BaseModel):
    """The private key that sshd knows us by."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["ssh"]
    private_key: SecretPem

    def secret(self) -> SshCredential:
        """Return it as the registry takes it."""
        return SshCredential(self.private_key.get_secret_value())


SecretBody = Annotated[TlsBody | SshBody, Field(discriminator="kind")]


class CredentialBody(BaseModel):
    """A credential to store; it can be replaced, and never be read again."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "fleet",
                    "secret": {
                        "kind": "ssh",
                        "private_key": "-----BEGIN OPENSSH PRIVATE KEY-----…",
                    },
                }
            ]
        },
    )

    name: CredentialName
    secret: SecretBody


class CredentialAnswer(BaseModel):
    """A credential, without its secret; `nodes` are those that use it."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    kind: Literal["tls", "ssh"]
    facts: CredentialFacts
    created_at: datetime
    updated_at: datetime
    nodes: list[str]


class Rotation(BaseModel):
    """How many credentials an older key had encrypted."""

    rotated: int
