"""What servers of each STARTTLS dialect say: those that turn to TLS, and those that say no."""

from __future__ import annotations

import socket
from struct import pack

from registry.facts.domains import StartTls
from tests.parts.tls import Handler, hold

# What the server says first, then pairs of what it hears and what it answers.
Script = tuple[bytes, *tuple[tuple[bytes, bytes], ...]]

LDAP_REQUEST = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
POSTGRES_REQUEST = bytes.fromhex("0000000804d2162f")


def ldap_answer(code: int, words: bytes = b"", *, long_form: bool = False) -> bytes:
    """An ExtendedResponse: resultCode, empty matchedDN, diagnosticMessage."""
    response = bytes([0x0A, 1, code, 0x04, 0, 0x04, len(words)]) + words
    message = bytes([0x02, 1, 1, 0x78, len(response)]) + response
    size = pack("!BI", 0x84, len(message)) if long_form else bytes([len(message)])
    return b"\x30" + size + message


def mysql_greeting(flags: int) -> bytes:
    """A HandshakeV10 packet of a server of these lower capability flags."""
    body = b"\x0a8.0.44\0" + pack("<I8sxHBHH", 7, b"saltsalt", flags, 45, 2, 0) + bytes(31)
    return pack("<HxB", len(body), 0) + body


MYSQL_REFUSAL = pack("<HxBBH", 20, 0, 0xFF, 1040) + b"Too many connects"
MYSQL_REQUEST = pack("<HxB", 32, 1) + pack("<IIB23x", 0x8A00, 1 << 24, 45)

WILLING: dict[StartTls, list[Script]] = {
    StartTls.SMTP: [
        (
            b"220-mail.test\r\n220 ESMTP\r\n",
            (b"EHLO localhost\r\n", b"250-mail.test\r\n250-SIZE\r\n250 STARTTLS\r\n"),
            (b"STARTTLS\r\n", b"220 go ahead\r\n"),
        ),
        (b"220 x\n", (b"EHLO localhost\r\n", b"250\n"), (b"STARTTLS\r\n", b"220\n")),
    ],
    StartTls.LMTP: [
        (
            b"220 lmtp\r\n",
            (b"LHLO localhost\r\n", b"250-x\r\n250 STARTTLS\r\n"),
            (b"STARTTLS\r\n", b"220 ok\r\n"),
        )
    ],
    StartTls.IMAP: [
        (
            b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n",
            (b"a1 STARTTLS\r\n", b"* BAD not now, or is it\r\na1 ok Begin TLS\r\n"),
        )
    ],
    StartTls.POP3: [(b"+OK POP3\r\n", (b"STLS\r\n", b"+OK Begin TLS\r\n"))],
    StartTls.FTP: [
        (b"220-Welcome\r\n to ftp\r\n220 Ready\r\n", (b"AUTH TLS\r\n", b"234 AUTH TLS ok\r\n"))
    ],
    StartTls.LDAP: [
        (b"", (LDAP_REQUEST, ldap_answer(0))),
        (b"", (LDAP_REQUEST, ldap_answer(0, b"welcome", long_form=True))),
    ],
    StartTls.POSTGRES: [(b"", (POSTGRES_REQUEST, b"S"))],
    StartTls.MYSQL: [(mysql_greeting(0xF7FF | 0x0800), (MYSQL_REQUEST, b""))],
}
UNWILLING: list[tuple[StartTls, Script, str]] = [
    (StartTls.SMTP, (b"554 no service\r\n",), "554 no service"),
    (
        StartTls.SMTP,
        (
            b"220 x\r\n",
            (b"EHLO localhost\r\n", b"250 x\r\n"),
            (b"STARTTLS\r\n", b"454 4.7.0 TLS not available\r\n"),
        ),
        "454 4.7.0 TLS not available",
    ),
    (StartTls.LMTP, (b"220 x\r\n", (b"LHLO localhost\r\n", b"500 what\r\n")), "500 what"),
    (StartTls.IMAP, (b"* PREAUTH in already\r\n",), "* PREAUTH in already"),
    (StartTls.IMAP, (b"* OK\r\n", (b"a1 STARTTLS\r\n", b"a1 NO off\r\n")), "a1 NO off"),
    (StartTls.POP3, (b"-ERR busy\r\n",), "-ERR busy"),
    (StartTls.POP3, (b"+OK\r\n", (b"STLS\r\n", b"-ERR what\r\n")), "-ERR what"),
    (StartTls.FTP, (b"220 x\r\n", (b"AUTH TLS\r\n", b"502 no\r\n")), "502 no"),
    (StartTls.LDAP, (b"", (LDAP_REQUEST, ldap_answer(52, b"TLS is off"))), "TLS is off"),
    (StartTls.POSTGRES, (b"", (POSTGRES_REQUEST, b"N")), "'N'"),
    (StartTls.MYSQL, (mysql_greeting(0xF7FF & ~0x0800),), "8.0.44"),
    (
        StartTls.MYSQL,
        (MYSQL_REFUSAL,),
        "Too many connects",
    ),
]


def play(script: Script, connection: socket.socket) -> None:
    """Speak a script; leave when the client says something else."""
    greeting, *exchanges = script
    connection.sendall(greeting)
    for heard, answer in exchanges:
        said = b""
        while len(said) < len(heard):
            if not (more := connection.recv(len(heard) - len(said))):
                raise ConnectionError
            said += more
        if said != heard:
            raise ConnectionError
        connection.sendall(answer)


def playing(script: Script) -> Handler:
    def handle(connection: socket.socket) -> None:
        play(script, connection)
        hold(connection)

    return handle
