"""Domains: what is sent to make or change one, and what is answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.schemas.values import (
    DomainInterval,
    DomainName,
    Flag,
    Labels,
    LabelsPatch,
    NodeName,
    PlainText,
    Port,
    Seconds,
    Timeout,
)
from registry.domains import Domain, DomainSpec, DomainState
from registry.facts.domains import StartTls
from registry.facts.outcomes import Failure

_EXAMPLE: dict[str, JsonValue] = {
    "name": "mail.example.com",
    "port": 25,
    "starttls": "smtp",
    "interval": "6h",
}


class DomainBody(BaseModel):
    """A domain to watch; `server_name` defaults to its own name, `node` and `container` say who serves it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    name: DomainName
    port: Port = 443
    starttls: StartTls = StartTls.NONE
    server_name: DomainName | None = None
    node: NodeName | None = None
    container: PlainText | None = None
    container_port: Port | None = None
    labels: Labels = {}
    enabled: Flag = True
    interval: DomainInterval | None = None
    timeout: Timeout | None = None

    def spec(self) -> DomainSpec:
        """Return it as the registry takes it."""
        return DomainSpec(
            name=self.name,
            port=self.port,
            starttls=self.starttls,
            server_name=self.server_name,
            node=self.node,
            container=self.container,
            container_port=self.container_port,
            labels=self.labels,
            enabled=self.enabled,
            interval_seconds=self.interval,
            timeout_seconds=self.timeout,
        )


class DomainPatch(BaseModel):
    """A JSON merge patch (RFC 7396) of a domain: what is absent stays, null brings the default back."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"port": 8443, "interval": "12h"}]}
    )

    # Only what was sent is read, so this default is never used: a name may not be null.
    name: DomainName = Field(default_factory=str)
    port: Port | None = None
    starttls: StartTls | None = None
    server_name: DomainName | None = None
    node: NodeName | None = None
    container: PlainText | None = None
    container_port: Port | None = None
    labels: LabelsPatch | None = None
    enabled: Flag | None = None
    interval: DomainInterval | None = None
    timeout: Timeout | None = None


class DomainAnswer(BaseModel):
    """A domain and what was last seen of it; null stands where the default holds."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    port: int
    starttls: StartTls
    server_name: str | None
    node: str | None
    container: str | None
    container_port: int | None
    labels: dict[str, str]
    enabled: bool
    interval: Annotated[Seconds | None, Field(validation_alias="interval_seconds")]
    timeout: Annotated[Seconds | None, Field(validation_alias="timeout_seconds")]
    created_at: datetime
    updated_at: datetime
    state: DomainState


class DomainOutcome(BaseModel):
    """How a probe that was asked for just now went."""

    outcome: Literal["ok", "failure"]
    failure: Failure | None
    domain: DomainAnswer

    @classmethod
    def of(cls, domain: Domain) -> DomainOutcome:
        """Say how the last attempt at `domain` ended."""
        failure = domain.state.failure
        answer = DomainAnswer.model_validate(domain)
        return cls(outcome="failure" if failure else "ok", failure=failure, domain=answer)
