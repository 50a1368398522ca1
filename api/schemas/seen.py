"""What collectors saw, flattened for people: a row's own fields beside its facts."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.listing import ListQuery
from api.schemas.values import Moment, Pem, PlainText, UploadName
from registry.facts.containers import ContainerFacts, ContainerState
from registry.facts.domains import CertificateSource
from registry.history import CertificateRow, ContainerRow, KnownPlace, ServingEndpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Container(ContainerFacts):
    """A container as it is now, stopped ones too, and since when it is so."""

    node: str
    seen_from: datetime

    @classmethod
    def of(cls, row: ContainerRow) -> Container:
        """Flatten a row of the registry."""
        facts = {field.name: getattr(row.facts, field.name) for field in fields(row.facts)}
        return cls(node=row.node, seen_from=row.seen_from, **facts)


class Certificate(BaseModel):
    """One X.509 leaf; `fingerprint` is its SHA-256.

    `endpoints` is where it is served now, `known` are the files and uploads that hold it.
    """

    fingerprint: str
    subject: str
    issuer: str
    serial_number: str
    sans: tuple[str, ...]
    not_before: datetime | None
    not_after: datetime | None
    key_type: str
    key_bits: int | None
    signature_algorithm: str
    parse_error: Annotated[str, Field(description="why it could not be read; empty if it could")]
    first_seen_at: datetime
    last_seen_at: datetime
    endpoints: tuple[ServingEndpoint, ...]
    known: tuple[KnownPlace, ...]

    @classmethod
    def of(cls, row: CertificateRow) -> Certificate:
        """Flatten a row of the registry."""
        return cls.model_validate(_flat(row))


class CertificateInFull(Certificate):
    """A certificate with its own bytes, and what was last sent or stored behind it."""

    pem: str
    chain: Annotated[str, Field(description="PEM of it and of what stood behind it, in that order")]

    @classmethod
    def of(cls, row: CertificateRow) -> CertificateInFull:
        """Flatten a row of the registry, and write its DER as PEM."""
        pem, *issuers = map(ssl.DER_cert_to_PEM_cert, (row.facts.der, *row.issuers))
        return cls.model_validate({**_flat(row), "pem": pem, "chain": "".join((pem, *issuers))})


def _flat(row: CertificateRow) -> dict[str, object]:
    parts = (row, row.facts)
    return {field.name: getattr(part, field.name) for part in parts for field in fields(part)}


class ContainerQuery(ListQuery):
    """Filters for containers: all must hold."""

    node: PlainText | None = None
    state: ContainerState | None = None
    name: PlainText | None = None


class EventQuery(ListQuery):
    """Filters for events: all must hold; `since` and `until` by our clock."""

    node: PlainText | None = None
    action: PlainText | None = None
    name: PlainText | None = None
    since: Moment | None = None
    until: Moment | None = None


class CertificateQuery(ListQuery):
    """Filters for certificates."""

    expires_before: Moment | None = None


class KnownQuery(ListQuery):
    """Filters for files and uploads."""

    source: CertificateSource | None = None


class UploadBody(BaseModel):
    """A certificate to know of, the leaf first, and perhaps what stands behind it; never its key."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "www.example.org", "pem": "-----BEGIN CERTIFICATE-----…"}]
        },
    )

    name: UploadName
    pem: Pem
