"""How each protocol is asked to turn to TLS: one small function each, in one table.

Each raises NoAnswerError(protocol) with the server's words when it says no or talks nonsense.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from struct import pack, unpack

from collector.tls.answer import NoAnswerError, quote
from collector.tls.dialog import Dialog
from registry.facts.domains import StartTls
from registry.facts.outcomes import FailureReason


async def _smtp(dialog: Dialog) -> None:
    """RFC 3207; greeting and EHLO by RFC 5321."""
    await _mail(dialog, b"EHLO")


async def _lmtp(dialog: Dialog) -> None:
    """RFC 2033: SMTP with another greeting."""
    await _mail(dialog, b"LHLO")


async def _mail(dialog: Dialog, hello: bytes) -> None:
    await _reply(dialog, b"220")
    dialog.send(hello + b" localhost\r\n")
    await _reply(dialog, b"250")
    dialog.send(b"STARTTLS\r\n")
    await _reply(dialog, b"220")


async def _ftp(dialog: Dialog) -> None:
    """RFC 4217; replies by RFC 959, section 4.2."""
    await _reply(dialog, b"220")
    dialog.send(b"AUTH TLS\r\n")
    await _reply(dialog, b"234")


async def _reply(dialog: Dialog, code: bytes) -> None:
    """Read a reply of one line, or of more when a hyphen follows the first line's code."""
    line = await dialog.line()
    _expect(line[:3] == code, line)
    while line[:4] != code + b" " and line != code:
        line = await dialog.line()


async def _imap(dialog: Dialog) -> None:
    """RFC 9051, section 6.2.1; a server that greets with PREAUTH allows no STARTTLS."""
    greeting = await dialog.line()
    _expect(greeting.upper().startswith(b"* OK"), greeting)
    dialog.send(b"a1 STARTTLS\r\n")
    while (line := await dialog.line()).startswith(b"*"):
        pass
    _expect(line.upper().startswith(b"A1 OK"), line)


async def _pop3(dialog: Dialog) -> None:
    """RFC 2595, section 4."""
    greeting = await dialog.line()
    _expect(greeting.startswith(b"+OK"), greeting)
    dialog.send(b"STLS\r\n")
    answer = await dialog.line()
    _expect(answer.startswith(b"+OK"), answer)


# An LDAPMessage of id 1 that holds an ExtendedRequest of OID 1.3.6.1.4.1.1466.20037, in BER.
_LDAP_STARTTLS = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"


async def _ldap(dialog: Dialog) -> None:
    """RFC 4511, section 4.14: the answer is an ExtendedResponse (tag 0x78) with resultCode 0."""
    dialog.send(_LDAP_STARTTLS)
    head = await dialog.exactly(2)
    _expect(head[0] == 0x30, head)
    if head[1] > 0x80:  # the long form: so many bytes of length follow
        head += await dialog.exactly(head[1] & 0x7F)
    said = head + await dialog.exactly(_size(head))
    _expect(_is_success(said), said)


def _is_success(said: bytes) -> bool:
    """Look into an LDAPMessage: behind its id the response, first in that its resultCode."""
    try:
        _, message, _ = _element(said)
        _, _, after_id = _element(message)
        response_tag, response, _ = _element(after_id)
        _, result_code, _ = _element(response)
    except IndexError:
        return False
    return response_tag == 0x78 and result_code == b"\0"


def _size(head: bytes) -> int:
    """Return the length that a BER element's head announces (X.690, section 8.1.3)."""
    return int.from_bytes(head[2:]) if head[1] & 0x80 else head[1]


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Split off the first BER element: its tag, its contents, and what follows it."""
    start = 2 + (data[1] & 0x7F if data[1] & 0x80 else 0)
    end = start + _size(data[:start])
    return data[0], data[start:end], data[end:]


async def _postgres(dialog: Dialog) -> None:
    """PostgreSQL's frontend/backend protocol, SSLRequest: S is yes, N is no, E begins an error."""
    dialog.send(pack("!II", 8, 80877103))
    answer = await dialog.exactly(1)
    _expect(answer == b"S", answer)


# Capability flags of MySQL's client/server protocol: CLIENT_PROTOCOL_41, CLIENT_SSL, CLIENT_SECURE_CONNECTION.
_MYSQL_SSL = 0x0800
_MYSQL_FLAGS = 0x0200 | _MYSQL_SSL | 0x8000
_MYSQL_UTF8MB4 = 45


async def _mysql(dialog: Dialog) -> None:
    """MySQL's client/server protocol: HandshakeV10 from the server, then our SSLRequest."""
    head = await dialog.exactly(4)
    size, number = unpack("<HxB", head)
    _expect(number == 0, head)
    greeting = await dialog.exactly(size)
    # Behind the version (1 byte, text, NUL): thread id 4, salt 8, filler 1, then the lower flags.
    flags = greeting.find(b"\0", 1) + 1 + 13
    offered = greeting[:1] == b"\n" and int.from_bytes(greeting[flags : flags + 2], "little")
    _expect(bool(offered and offered & _MYSQL_SSL), greeting)
    request = pack("<IIB23x", _MYSQL_FLAGS, 1 << 24, _MYSQL_UTF8MB4)
    dialog.send(pack("<HxB", len(request), 1) + request)


def _expect(right: bool, said: bytes) -> None:  # noqa: FBT001 - reads as an assertion
    if not right:
        detail = f"the server does not turn to TLS: it said {quote(said)}"
        raise NoAnswerError(FailureReason.PROTOCOL, detail)


DIALECTS: Mapping[StartTls, Callable[[Dialog], Awaitable[None]]] = {
    StartTls.SMTP: _smtp,
    StartTls.LMTP: _lmtp,
    StartTls.IMAP: _imap,
    StartTls.POP3: _pop3,
    StartTls.FTP: _ftp,
    StartTls.LDAP: _ldap,
    StartTls.POSTGRES: _postgres,
    StartTls.MYSQL: _mysql,
}
