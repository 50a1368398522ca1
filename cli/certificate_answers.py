"""What the API answers of certificates and of whom we trust, as far as a person is shown it."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Served(msgspec.Struct, frozen=True):
    """A certificate that an address served; `seen_until` None: it still does."""

    address: str
    port: int
    fingerprint: str
    issuer: str
    not_after: datetime | None
    seen_from: datetime
    seen_until: datetime | None


class CertificateChange(msgspec.Struct, frozen=True):
    """One thing that was new about the certificate of an address."""

    at: datetime
    address: str
    change: str
    detail: str


class ServingEndpoint(msgspec.Struct, frozen=True):
    """An address of a domain that serves a certificate."""

    domain: str
    address: str
    port: int


class KnownPlace(msgspec.Struct, frozen=True):
    """A file that holds a certificate, or an upload of it."""

    source: str
    host: str
    place: str

    @property
    def title(self) -> str:
        """Say where it is, and what that is."""
        return (
            f"{self.source} {self.host}:{self.place}"
            if self.host
            else f"{self.source} {self.place}"
        )


class Certificate(msgspec.Struct, frozen=True):
    """One X.509 leaf; names as RFC 4514 writes them.

    `chain` is PEM of it and of what stood behind it, empty in lists.
    """

    fingerprint: str
    subject: str
    issuer: str
    serial_number: str
    sans: list[str]
    not_before: datetime | None
    not_after: datetime | None
    key_type: str
    key_bits: int | None
    signature_algorithm: str
    parse_error: str
    endpoints: list[ServingEndpoint] = []
    known: list[KnownPlace] = []
    chain: str = ""


class KnownCertificate(msgspec.Struct, frozen=True):
    """A file or an upload and its certificate; `failure_detail` says why there is none."""

    source: str
    host: str
    place: str
    failure_detail: str | None
    fingerprint: str | None
    subject: str | None
    not_before: datetime | None
    not_after: datetime | None


class AuthorityFacts(msgspec.Struct, frozen=True):
    """What an authority's certificate says of itself."""

    subject: str
    fingerprint: str
    not_before: datetime
    not_after: datetime


class Authority(msgspec.Struct, frozen=True):
    """One that is trusted; `domain` is None where it vouches for all."""

    name: str
    domain_id: int | None
    domain: str | None
    facts: AuthorityFacts
