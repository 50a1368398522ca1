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
class EndpointFacts:
    """What one handshake showed, whatever the verdict.

    `chain` is DER as the server sent it, leaf first. `faults` is empty when the verdict is ok.
    `chain_not_after` is the earliest end of validity in the verified chain, None when there is none.
    """

    certificate: CertificateFacts
    chain: tuple[bytes, ...]
    verdict: Verdict
    faults: tuple[Fault, ...]
    tls_version: str
    cipher: str
    alpn: str = ""
    chain_not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class EndpointOutcome:
    """One address of a domain: exactly one of `facts` and `failure` is set."""

    address: str
    port: int
    seconds: float
    facts: EndpointFacts | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class DomainQuestion:
    """One domain to look at. `server_name` is the SNI and the name that the certificate must hold."""

    domain_id: int
    name: str
    port: int
    starttls: StartTls
    server_name: str
    time_limit: float


@dataclass(frozen=True, slots=True)
class DomainFacts:
    """Every address of a domain as resolved now, asked; never empty."""

    endpoints: tuple[EndpointOutcome, ...]
    cost: Cost = field(default_factory=Cost)
