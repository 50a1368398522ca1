"""The words of operating system and OpenSSL, turned into a reason of the closed set and what to check."""

from __future__ import annotations

import errno
import os
import re
import socket

from OpenSSL import SSL

from collector.tls.answer import NoAnswerError, quote
from registry.facts.outcomes import FailureReason

_Words = tuple[FailureReason, str]
_CUT: _Words = (FailureReason.PROTOCOL, "the server cut the connection at once")
_OURS: _Words = (FailureReason.INTERNAL, "this collector is short of memory or open files")
_CONNECTING: dict[int | None, _Words] = {
    errno.ECONNREFUSED: (
        FailureReason.REFUSED,
        "nothing listens on this port, or a firewall says no",
    ),
    errno.ETIMEDOUT: (FailureReason.TIMEOUT, "no answer to the TCP connection"),
    **dict.fromkeys((errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE), _CUT),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS), _OURS),
}
_NO_ADDRESS = frozenset({socket.EAI_NONAME, socket.EAI_NODATA})

# OpenSSL's reason for an alert of RFC 8446, section 6, that the server sent.
_ALERT = re.compile(r"(?:(?:sslv3|tls) alert|tlsv13?(?: alert)?) (.+)")
_CHECKS = {
    "unrecognized name": "it has no certificate for this server name; check server_name",
    "handshake failure": "it shares no TLS version, cipher or key with us, or wants another "
    "server name or a client certificate",
    "protocol version": "it speaks no TLS version from 1.0 to 1.3",
    "internal error": "it has no certificate for this server name, or a fault of its own",
}
_NOT_TLS = frozenset({"wrong version number", "packet length too long", "http request"})
_TOO_LARGE = frozenset({"excessive message size", "data length too long"})
_NO_PROTOCOL = "tlsv1 alert no application protocol"


class NoCommonProtocolError(NoAnswerError):
    """The server refuses every application protocol that was offered (RFC 7301, section 3.2)."""


def resolving(name: str, error: OSError | UnicodeError) -> NoAnswerError:
    """Say why a name has no address."""
    if isinstance(error, socket.gaierror) and error.errno in _NO_ADDRESS:
        return NoAnswerError(FailureReason.DNS, f"{name} does not exist or has no address")
    words = error.strerror if isinstance(error, OSError) else error
    return NoAnswerError(FailureReason.DNS, f"{name} could not be resolved: {words}")


def connecting(error: OSError) -> NoAnswerError:
    """Say why a TCP connection could not be made."""
    words = os.strerror(error.errno) if error.errno else str(error)
    return NoAnswerError(*_CONNECTING.get(error.errno, (FailureReason.UNREACHABLE, words)))


def shaking_hands(error: SSL.Error, began: bytes) -> NoAnswerError:
    """Say why a handshake failed; `began` is how the server's answer began."""
    reason = _reason(error)
    if reason in _TOO_LARGE:
        detail = "the server sent a handshake message of more than 100 KB"
        return NoAnswerError(FailureReason.TOO_LARGE, detail)
    if reason in _NOT_TLS and not _looks_like_tls(began):
        detail = (
            f"the server does not speak TLS here: it said {quote(began)}; check port and starttls"
        )
        return NoAnswerError(FailureReason.TLS, detail)
    if reason == _NO_PROTOCOL:
        return NoCommonProtocolError(
            FailureReason.TLS, "the server speaks neither HTTP/2 nor HTTP/1.1"
        )
    if alert := _alert(reason):
        check = f": {_CHECKS[alert]}" if alert in _CHECKS else ""
        detail = f"the server refused the handshake with the alert {alert.replace(' ', '_')}{check}"
        return NoAnswerError(FailureReason.TLS, detail)
    return NoAnswerError(FailureReason.TLS, f"the handshake failed: {reason}")


def is_alert(error: SSL.Error) -> bool:
    """Tell whether it was the server that ended the handshake, by an alert."""
    return _alert(_reason(error)) is not None


def _reason(error: SSL.Error) -> str:
    """Return OpenSSL's reason; its arguments are the error queue: (library, function, reason) each."""
    queue = error.args[0] if error.args else None
    return str(queue[-1][-1]) if isinstance(queue, list) and queue else "unexpected end"


def _alert(reason: str) -> str | None:
    found = _ALERT.fullmatch(reason)
    return found[1] if found else None


def _looks_like_tls(began: bytes) -> bool:
    """Tell a TLS record (content type 20-24, major version 3; RFC 8446, 5.1) from plain text."""
    return len(began) > 1 and 20 <= began[0] <= 24 and began[1] == 3
