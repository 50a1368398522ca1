"""Tiny servers of each protocol: they turn to TLS, say no, talk nonsense, stall or flood."""

from __future__ import annotations

import socket
from functools import partial
from struct import pack

import pytest

from registry.facts.domains import StartTls, Verdict
from registry.facts.outcomes import FailureReason
from tests.collector.tls.asking import NAME, Asker, World
from tests.parts.tls import Handler, hold, listen, serve

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


@pytest.mark.parametrize(
    ("dialect", "script"),
    [(dialect, script) for dialect, scripts in WILLING.items() for script in scripts],
)
async def test_a_server_that_turns_to_tls_is_judged(
    world: World, asker: Asker, dialect: StartTls, script: Script
) -> None:
    with serve(world.issuer.issue([NAME]), before=partial(play, script)) as server:
        assert (await asker.facts(server, starttls=dialect)).verdict is Verdict.OK


@pytest.mark.parametrize(("dialect", "script", "words"), UNWILLING)
async def test_a_server_that_says_no_is_quoted(
    asker: Asker, dialect: StartTls, script: Script, words: str
) -> None:
    with listen(playing(script)) as server:
        failure = await asker.failure(server, starttls=dialect)
    assert failure.reason is FailureReason.PROTOCOL
    assert words in failure.detail
    assert failure.detail.isprintable()


DIALECTS = [dialect for dialect in StartTls if dialect is not StartTls.NONE]
NONSENSE = [b"\0" * 64 + b"\r\n", b"\xff" * 64 + b"\r\n", b"HTTP/1.1 400 Bad Request\r\n" * 3]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("said", NONSENSE)
async def test_nonsense_is_a_protocol_failure(asker: Asker, dialect: StartTls, said: bytes) -> None:
    with listen(playing((said,))) as server:
        failure = await asker.failure(server, starttls=dialect)
    assert failure.reason is FailureReason.PROTOCOL
    assert len(failure.detail) < 1000


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_server_that_stalls_before_tls_times_out_and_the_step_is_named(
    asker: Asker, dialect: StartTls
) -> None:
    with listen(hold) as server:
        failure = await asker.failure(server, starttls=dialect, limit=0.2)
    assert failure.reason is FailureReason.TIMEOUT
    assert failure.detail == "STARTTLS took longer than 0.2 s"


async def test_a_server_that_stalls_after_it_turned_to_tls_names_the_handshake(
    asker: Asker,
) -> None:
    with listen(playing((b"", (POSTGRES_REQUEST, b"S")))) as server:
        failure = await asker.failure(server, starttls=StartTls.POSTGRES, limit=0.2)
    assert failure.detail == "the TLS handshake took longer than 0.2 s"


async def test_a_server_that_leaves_is_a_protocol_failure_with_its_last_words(
    asker: Asker,
) -> None:
    with listen(lambda connection: connection.sendall(b"421 too busy")) as server:
        failure = await asker.failure(server, starttls=StartTls.SMTP)
    assert failure.reason is FailureReason.PROTOCOL
    assert failure.detail == "the server closed the connection during STARTTLS after '421 too busy'"


async def test_an_endless_greeting_is_too_large(asker: Asker) -> None:
    def flood(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"220-and more\r\n" * 1000)

    with listen(flood) as server:
        failure = await asker.failure(server, starttls=StartTls.SMTP)
    assert failure.reason is FailureReason.TOO_LARGE


async def test_words_slipped_in_before_tls_are_refused(asker: Asker) -> None:
    script = (b"", (POSTGRES_REQUEST, b"S" + b"slipped in"))
    with listen(playing(script)) as server:
        failure = await asker.failure(server, starttls=StartTls.POSTGRES)
    assert failure.reason is FailureReason.PROTOCOL
    assert "slipped in" in failure.detail
