"""Kinds of value in bodies and queries: the registry's rules, with what OpenAPI says of them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    StrictBool,
    StrictInt,
    WithJsonSchema,
)

from registry import rules
from registry.durations import DURATION_RULE, format_duration, parse_duration
from registry.key_material import host_key

_DURATION_SCHEMA = {
    "type": "string",
    "pattern": r"^([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
    "minLength": 2,
    "maxLength": 40,
    "examples": ["15s", "1h30m"],
}
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_MOMENT_RULE = "must be a time by RFC 3339, such as 2026-11-23T08:00:00Z"


def _seconds(text: object) -> float:
    if not isinstance(text, str):
        raise ValueError(DURATION_RULE)  # noqa: TRY004 - pydantic takes ValueError for bad input
    return parse_duration(text)


def _between(least: str, most: str) -> AfterValidator:
    def check(seconds: float) -> float:
        if not parse_duration(least) <= seconds <= parse_duration(most):
            raise ValueError(f"must be from {least} to {most}")
        return seconds

    return AfterValidator(check)


def _moment(text: object) -> datetime:
    if not isinstance(text, str) or not _RFC3339.fullmatch(text):
        raise ValueError(_MOMENT_RULE)
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(_MOMENT_RULE) from None


def _label(text: str) -> str:
    key, equals, _ = text.partition("=")
    if not key or not equals or "\x00" in text:
        raise ValueError("must be KEY=VALUE")
    return text


Flag = StrictBool
Port = Annotated[StrictInt, Field(ge=1, le=65535)]
PlainText = Annotated[
    str,
    AfterValidator(rules.plain_text),
    WithJsonSchema({"type": "string", "pattern": r"^[^\x00-\x1f\x7f]{1,256}$"}),
]
NodeName = Annotated[
    str,
    AfterValidator(rules.node_name),
    WithJsonSchema(
        {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,62}$", "examples": ["web-1"]}
    ),
]
CredentialName = Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
AuthorityName = CredentialName
UploadName = Annotated[str, Field(pattern="^[A-Za-z0-9*][A-Za-z0-9._*-]{0,252}$")]
# Three of them fit into a body.
Pem = Annotated[str, Field(max_length=20 << 10)]
RowId = Annotated[StrictInt, Field(ge=1, lt=1 << 63)]
# An actor's name: it stands in the audit trail, and as one segment in a path.
TokenName = Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$")]
DockerUrl = Annotated[
    str,
    AfterValidator(rules.docker_url),
    WithJsonSchema({"type": "string", "pattern": "^(unix|tcp|ssh)://", "maxLength": 512}),
]
HostKey = Annotated[
    str,
    AfterValidator(host_key),
    WithJsonSchema({"type": "string", "examples": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI…"]}),
]
DomainName = Annotated[
    str,
    AfterValidator(rules.domain_name),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 254}),
]
Labels = Annotated[
    dict[str, str],
    AfterValidator(rules.labels),
    Field(
        json_schema_extra={
            "maxProperties": 32,
            "propertyNames": {"pattern": "^(?!__)[a-zA-Z_][a-zA-Z0-9_]{0,62}$"},
        }
    ),
]
LabelsPatch = dict[str, str | None]
LabelFilter = Annotated[
    str,
    AfterValidator(_label),
    WithJsonSchema({"type": "string", "pattern": "^[^=]+=", "examples": ["site=berlin"]}),
]

# Held in seconds, written as Prometheus does: `Seconds` is answered, `Duration` sent as well.
Seconds = Annotated[
    float,
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(_DURATION_SCHEMA),
]
Duration = Annotated[Seconds, BeforeValidator(_seconds)]
NodeInterval = Annotated[Duration, _between("1s", "2m")]
DomainInterval = Annotated[Duration, _between("1s", "1w")]
Timeout = Annotated[Duration, _between("100ms", "2m")]
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
