"""A server's name: an address or a DNS name, and whether a certificate was issued for it (RFC 9525)."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from cryptography import x509
from service_identity import CertificateError
from service_identity.hazmat import (
    DNS_ID,
    CertificatePattern,
    DNSPattern,
    IPAddress_ID,
    IPAddressPattern,
)

_REMEMBERED = 8192


@lru_cache(_REMEMBERED)
def as_address(name: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address that a name is, None when it is a DNS name."""
    try:
        return ip_address(name)
    except ValueError:
        return None


def patterns_of(names: Iterable[x509.GeneralName]) -> tuple[CertificatePattern, ...]:
    """Return what a certificate's alternative names can match.

    A name that RFC 9525 does not allow (a NUL, a lone wildcard, an address as DNS name) matches
    nothing and spoils none of its neighbours.
    """
    patterns: list[CertificatePattern] = []
    for name in names:
        if isinstance(name, x509.DNSName):
            with suppress(CertificateError, UnicodeError):
                patterns.append(DNSPattern.from_bytes(name.value.encode("ascii")))
        elif isinstance(name, x509.IPAddress) and isinstance(name.value, IPv4Address | IPv6Address):
            patterns.append(IPAddressPattern(name.value))
    return tuple(patterns)


def is_named(server_name: str, patterns: Iterable[CertificatePattern]) -> bool:
    """Tell whether one of the patterns covers the name. Common names count for nothing."""
    address = as_address(server_name)
    if address:
        return any(map(IPAddress_ID(str(address)).verify, patterns))
    try:
        ids = [DNS_ID(name) for name in _spellings(server_name)]
    except ValueError:
        return False
    return any(_covers(pattern, ids) for pattern in patterns)


def _spellings(name: str) -> tuple[str, ...]:
    """Return the name, and for an A-label a stand-in that only a wildcard can match.

    service-identity lets no wildcard match an A-label, after RFC 6125; RFC 9525 and browsers do.
    """
    label, dot, parent = name.partition(".")
    return (name, f"label{dot}{parent}") if label.startswith("xn--") else (name,)


def _covers(pattern: CertificatePattern, ids: list[DNS_ID]) -> bool:
    name, *stand_ins = ids
    if name.verify(pattern):
        return True
    wild = isinstance(pattern, DNSPattern) and pattern.pattern.startswith(b"*.")
    return wild and any(stand_in.verify(pattern) for stand_in in stand_ins)
