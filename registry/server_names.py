"""A server's name: an address or a DNS name, and whether a certificate was issued for it (RFC 9525)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from cryptography import x509
from service_identity import CertificateError
from service_identity.hazmat import DNS_ID, DNSPattern

_REMEMBERED = 8192


@lru_cache(_REMEMBERED)
def as_address(name: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address that a name is, None when it is a DNS name."""
    try:
        return ip_address(name)
    except ValueError:
        return None


def is_named(server_name: str, names: Iterable[x509.GeneralName]) -> bool:
    """Tell whether one of a certificate's alternative names covers the server's name.

    A name that RFC 9525 does not allow (a NUL, a lone wildcard, an address as DNS name) covers
    nothing and spoils none of its neighbours.
    """
    address = as_address(server_name)
    if address:
        return any(isinstance(name, x509.IPAddress) and name.value == address for name in names)
    server_name = server_name.lower()
    label, _, parent = server_name.partition(".")
    wildcard = f"*.{parent}" if label else ""
    # A hostile certificate has tens of thousands of names: only what may match is looked at closely.
    likely = {name.value.lower() for name in names if isinstance(name, x509.DNSName)}
    return (server_name in likely and _covers(server_name, server_name)) or (
        wildcard in likely and _covers(wildcard, _without_a_label(server_name))
    )


def _without_a_label(server_name: str) -> str:
    """Return a name without an A-label in front that the same wildcard covers.

    service-identity lets no wildcard cover an A-label, after RFC 6125; RFC 9525 and browsers do.
    """
    label, dot, parent = server_name.partition(".")
    return f"label{dot}{parent}" if label.startswith("xn--") else server_name


def _covers(presented: str, server_name: str) -> bool:
    try:
        pattern = DNSPattern.from_bytes(presented.encode("ascii"))
        return DNS_ID(server_name).verify(pattern)
    except (CertificateError, ValueError):  # not a name
        return False
