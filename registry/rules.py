"""What the registry takes as a value: each rule checks one and returns it as it is stored.

A broken rule is a ValueError whose sentence says how to keep it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

import idna

_NODE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_PERSON_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}")
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,62}")
# Underscores are no host names (RFC 952), yet certificates and DNS of real fleets have them.
_DNS_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_USER = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]{0,31}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_MOST_LABELS = 32


def node_name(text: str) -> str:
    """Take a node's name: it is the `instance` of its metrics and a part of URLs."""
    if not _NODE_NAME.fullmatch(text):
        raise ValueError(
            "must begin with a-z or 0-9 and hold only a-z, 0-9, '.', '_' and '-', at most 63 characters"
        )
    return text


def person_name(text: str) -> str:
    """Take the name of a person who signs in: it stands in the audit trail and in a password file."""
    if not _PERSON_NAME.fullmatch(text):
        raise ValueError(
            "must begin with a letter or digit and hold only A-Z, a-z, 0-9, '.', '_', '@' and '-',"
            " at most 63 characters"
        )
    return text


def docker_url(text: str) -> str:
    """Take the URL of a Docker API: a socket here, a port, or a socket behind sshd."""
    scheme, _, rest = text.partition("://")
    if scheme not in _DOCKER_URLS or not rest or _CONTROL.search(text) or len(text) > 512:
        raise ValueError("must be unix:///run/docker.sock, tcp://HOST:2376 or ssh://USER@HOST")
    _DOCKER_URLS[scheme](rest)
    return text


def _socket_path(path: str) -> None:
    if not path.startswith("/") or path.endswith("/"):
        raise ValueError("must have the absolute path of a socket: unix:///run/docker.sock")
    if "?" in path or "#" in path or len(path.encode()) > 107:
        raise ValueError("must have a plain path of at most 107 bytes, as unix sockets allow")


def _tcp_place(place: str) -> None:
    if "/" in place or "@" in place or not _is_place(place):
        raise ValueError("must be tcp:// with a host and perhaps a port: tcp://web-1:2376")


def _ssh_place(place: str) -> None:
    host, slash, path = place.partition("/")
    user, at, host = host.rpartition("@")
    if not at or not _USER.fullmatch(user) or not _is_place(host):
        raise ValueError(
            "must be ssh:// with a user, a host and perhaps a port: ssh://vsa@web-1:22; no password"
        )
    if slash:
        _socket_path(slash + path)


def _is_place(text: str) -> bool:
    """Tell whether it is a host and perhaps a port, an IPv6 address in brackets."""
    try:
        parts = urlsplit(f"//{text}")
        domain_name(parts.hostname or "")
        return parts.netloc == text and parts.port != 0 and not text.endswith(":")
    except ValueError:
        return False


_DOCKER_URLS = {"unix": _socket_path, "tcp": _tcp_place, "ssh": _ssh_place}


def domain_name(text: str) -> str:
    """Take a DNS name (an international one becomes its A-label form) or an IP address."""
    # A zone (fe80::1%eth0) is of one machine's own, and Python takes any text for one.
    if "%" not in text:
        with suppress(ValueError):
            return str(ip_address(text[1:-1] if text[:1] + text[-1:] == "[]" else text))
    name = _a_label(text).removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(map(_DNS_LABEL.fullmatch, labels)) or labels[-1].isdecimal():
        raise ValueError(
            "must be a DNS name such as example.com, without wildcard, or an IP address"
        )
    return name


def _a_label(name: str) -> str:
    if name.isascii():
        return name.lower()
    try:
        mapped = idna.uts46_remap(name, std3_rules=False).split(".")
        # Label by label: IDNA has no say in the ASCII ones, such as _dmarc.
        return ".".join(
            label if label.isascii() else idna.alabel(label).decode() for label in mapped
        )
    except (idna.IDNAError, UnicodeError):
        raise ValueError(
            "must be an international name that IDNA 2008 allows, or its xn-- form"
        ) from None


def labels(values: Mapping[str, str]) -> dict[str, str]:
    """Take a target's labels: names as Prometheus has them, short values."""
    if len(values) > _MOST_LABELS:
        raise ValueError(f"must be at most {_MOST_LABELS} labels")
    for name, value in values.items():
        if not _LABEL_NAME.fullmatch(name) or name.startswith("__"):
            raise ValueError(
                "must have names that begin with a letter or '_' (not '__') and hold only letters,"
                " digits and '_', at most 63 characters"
            )
        if len(value) > 256 or _CONTROL.search(value):
            raise ValueError("must have values of at most 256 characters, none of them a control")
    return dict(values)


def plain_text(text: str) -> str:
    """Take a short text without control characters."""
    if not text or len(text) > 256 or _CONTROL.search(text):
        raise ValueError("must have 1 to 256 characters, none of them a control character")
    return text
