"""Which addresses may be asked, judged after resolution on the very address that is connected to."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# Cloud metadata services that live outside the link-local ranges (AWS over IPv6, Alibaba, Oracle).
_METADATA = frozenset(map(ip_address, ("fd00:ec2::254", "100.100.100.200", "192.0.0.192")))
# IPv6 ranges that only wrap an IPv4 address: RFC 6052 (NAT64); the last 32 bits are what is reached.
_NAT64 = ip_network("64:ff9b::/96")


def refusal(address: str, *, allow_private: bool) -> str | None:
    """Say why `address` (an IP address as text) may not be asked; None when it may."""
    ip = _innermost(ip_address(address.partition("%")[0]))
    if ip.is_link_local or ip in _METADATA:
        return f"{address} is a link-local or metadata address, which is never asked"
    if ip.is_unspecified or ip.is_multicast:
        return f"{address} is not the address of one host"
    # `is_global` is false for the shared range 100.64.0.0/10 too, unlike the negation of `is_private`.
    if not ip.is_global and not allow_private:
        return f"{address} is a private address; VSA_ALLOW_PRIVATE_ADDRESSES=true allows it"
    return None


def _innermost(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Unwrap an IPv4 address that an IPv6 one stands for, lest it slip past the rules."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip
