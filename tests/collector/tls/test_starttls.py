"""Tiny servers of each protocol: they turn to TLS, say no, talk nonsense, stall or flood."""

from __future__ import annotations

import socket
from functools import partial

import pytest

from registry.facts.domains import StartTls, Verdict
from registry.facts.outcomes import FailureReason
from tests.collector.tls.asking import NAME, Asker, World
from tests.collector.tls.dialects import POSTGRES_REQUEST, UNWILLING, WILLING, Script, play, playing
from tests.parts.tls import hold, listen, serve


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
