"""Nodes: what is sent to make or change one, and what is answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.schemas.values import (
    CredentialName,
    DockerUrl,
    Flag,
    HostKey,
    Labels,
    LabelsPatch,
    NodeInterval,
    NodeName,
    Seconds,
    Timeout,
)
from registry.facts.checks import CheckStep, NodeCheck
from registry.facts.outcomes import Failure
from registry.nodes import Node, NodeSpec, NodeState

_EXAMPLE: dict[str, JsonValue] = {
    "name": "web-1",
    "docker_url": "unix:///run/docker.sock",
    "labels": {"site": "berlin"},
    "interval": "15s",
}


class NodeBody(BaseModel):
    """A node to watch; `interval` and `timeout` default to the settings."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    name: NodeName
    docker_url: DockerUrl
    labels: Labels = {}
    enabled: Flag = True
    interval: NodeInterval | None = None
    timeout: Timeout | None = None
    credential: CredentialName | None = None
    host_key: HostKey | None = None

    def spec(self) -> NodeSpec:
        """Return it as the registry takes it."""
        return NodeSpec(
            name=self.name,
            docker_url=self.docker_url,
            labels=self.labels,
            enabled=self.enabled,
            interval_seconds=self.interval,
            timeout_seconds=self.timeout,
            credential=self.credential,
            host_key=self.host_key,
        )


class NodePatch(BaseModel):
    """A JSON merge patch (RFC 7396) of a node: what is absent stays, null brings the default back."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"enabled": False, "labels": {"site": "paris"}}]},
    )

    # Only what was sent is read, so these defaults are never used: the two may not be null.
    name: NodeName = Field(default_factory=str)
    docker_url: DockerUrl = Field(default_factory=str)
    labels: LabelsPatch | None = None
    enabled: Flag | None = None
    interval: NodeInterval | None = None
    timeout: Timeout | None = None
    credential: CredentialName | None = None
    host_key: HostKey | None = None


class NodeAnswer(BaseModel):
    """A node and what was last seen of it; `interval` and `timeout` are null where the default holds."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    docker_url: str
    labels: dict[str, str]
    enabled: bool
    interval: Annotated[Seconds | None, Field(validation_alias="interval_seconds")]
    timeout: Annotated[Seconds | None, Field(validation_alias="timeout_seconds")]
    credential: str | None
    host_key: str | None
    created_at: datetime
    updated_at: datetime
    state: NodeState


class NodeOutcome(BaseModel):
    """How a scrape that was asked for just now went."""

    outcome: Literal["ok", "failure"]
    failure: Failure | None
    node: NodeAnswer

    @classmethod
    def of(cls, node: Node) -> NodeOutcome:
        """Say how the last attempt at `node` ended."""
        failure = node.state.failure
        answer = NodeAnswer.model_validate(node)
        return cls(outcome="failure" if failure else "ok", failure=failure, node=answer)


class NodeChecked(NodeOutcome):
    """How a check went: each step with its time, up to the one at which the way ended."""

    steps: tuple[CheckStep, ...]

    @classmethod
    def told(cls, node: Node, check: NodeCheck | None) -> NodeChecked:
        """Add the steps to the outcome; a collector of an older release tells none."""
        outcome = NodeOutcome.of(node)
        return cls(**dict(outcome), steps=check.steps if check else ())
