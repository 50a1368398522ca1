"""What a probe learns of a domain: what each address showed, and the verdict on it.

Times are aware datetimes in UTC; durations are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from registry.facts.outcomes import Cost, Failure


class Verdict(StrEnum):
    """What verification says of a certificate, most pressing first.

    Several faults can hold at once; the first of this order is the primary one. `ok` stands last:
    it is the verdict only when nothing else is.
    """

    REVOKED = "revoked"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    HOSTNAME_MISMATCH = "hostname_mismatch"
    SELF_SIGNED = "self_signed"
    UNKNOWN_AUTHORITY = "unknown_authority"
    INCOMPLETE_CHAIN = "incomplete_chain"
    WEAK = "weak"
    OK = "ok"


class StartTls(StrEnum):
    """Protocols that are asked to turn to TLS before the handshake; `none` speaks TLS at once."""

    NONE = "none"
    SMTP = "smtp"
    LMTP = "lmtp"
    IMAP = "imap"
    POP3 = "pop3"
    FTP = "ftp"
    LDAP = "ldap"
    POSTGRES = "postgres"
    MYSQL = "mysql"


class AddressSource(StrEnum):
    """How we came to an address: DNS gave it, or it is that of the node that the domain is pinned to.

    One that both give is `resolved`.
    """

    RESOLVED = "resolved"
    NODE = "node"


class OcspStatus(StrEnum):
    """What a stapled OCSP response says of the leaf (RFC 6960, section 2.2).

    `invalid` is one that cannot be read, is not for this certificate, is not signed by its issuer or
    one whom that delegated, or is out of date.
    """

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    INVALID = "invalid"


class CertificateChange(StrEnum):
    """What an address did when it showed another certificate than before; several can hold at once."""

    RENEWED = "renewed"
    ROLLED_BACK = "rolled_back"
    ISSUER_CHANGED = "issuer_changed"
    NAMES_LOST = "names_lost"


class CertificateSource(StrEnum):
    """Where a certificate is known from beside the wire."""

    FILE = "file"
    UPLOAD = "upload"


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """One X.509 leaf. What the parser refuses is still a fact: `parse_error` says why, the rest is empty.

    `fingerprint` is the SHA-256 of `der` in lower-case hex; names are RFC 4514 strings; `sans` holds
    DNS names and IP addresses as text; `serial_number` is lower-case hex.
    """

    fingerprint: str
    der: bytes
    subject: str = ""
    issuer: str = ""
    serial_number: str = ""
    sans: tuple[str, ...] = ()
    not_before: datetime | None = None
    not_after: datetime | None = None
    key_type: str = ""
    key_bits: int | None = None
    signature_algorithm: str = ""
    parse_error: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing verification found wrong; `x509_code` is OpenSSL's X509_V_ERR number where it has one."""

    verdict: Verdict
    detail: str
    x509_code: int | None = None


@dataclass(frozen=True, slots=True)
class OcspStaple:
    """The OCSP response that came with the handshake (RFC 6066, section 8), judged, never fetched.

    Times are the response's own; `detail` says why it is invalid, or why the leaf was revoked.
    """

    status: OcspStatus
    detail: str = ""
    this_update: datetime | None = None
    next_update: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """What one handshake showed, whatever the verdict.

    `chain` is DER as the server sent it, leaf first, `sent_not_after` the earliest end of validity
    in it. `faults` is empty when the verdict is ok. `chain_not_after` is the earliest end in the
    verified chain, None when there is none. `staple` is None where none came.
    """

    certificate: CertificateFacts
    chain: tuple[bytes, ...]
    verdict: Verdict
    faults: tuple[Fault, ...]
    tls_version: str
    cipher: str
    alpn: str = ""
    chain_not_after: datetime | None = None
    sent_not_after: datetime | None = None
    staple: OcspStaple | None = None


@dataclass(frozen=True, slots=True)
class EndpointOutcome:
    """One address of a domain: exactly one of `facts` and `failure` is set."""

    address: str
    port: int
    seconds: float
    facts: EndpointFacts | None = None
    failure: Failure | None = None
    source: AddressSource = AddressSource.RESOLVED


@dataclass(frozen=True, slots=True)
class DomainQuestion:
    """One domain to look at. `server_name` is the SNI and the name that the certificate must hold.

    `node_host` is the host of the node that it is pinned to, asked beside what DNS gives; empty for
    none. `authorities` are trusted beside the system's, each DER.
    """

    domain_id: int
    name: str
    port: int
    starttls: StartTls
    server_name: str
    time_limit: float
    node_host: str = ""
    authorities: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class DomainFacts:
    """Every address of a domain as resolved now, and its node's, asked; never empty.

    `unresolved` says why DNS gave none, where the node's was asked all the same.
    """

    endpoints: tuple[EndpointOutcome, ...]
    cost: Cost = field(default_factory=Cost)
    unresolved: Failure | None = None
