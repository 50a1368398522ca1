"""Tiny servers of each protocol that talk nonsense, stall or flood; the zoo has those that speak it well."""

from __future__ import annotations

import socket

import pytest

from registry.facts.domains import StartTls
from registry.facts.outcomes import FailureReason
from tests.collector.tls.asking import Asker
from tests.collector.tls.dialects import POSTGRES_REQUEST, playing
from tests.parts.tls import listen

DIALECTS = [dialect for dialect in StartTls if dialect is not StartTls.NONE]
NONSENSE = [b"\0" * 64 + b"\r\n", b"\xff" * 64 + b"\r\n", b"HTTP/1.1 400 Bad Request\r\n" * 3]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("said", NONSENSE)
async def test_nonsense_is_a_protocol_failure(asker: Asker, dialect: StartTls, said: bytes) -> None:
    with listen(playing((said,))) as server:
        failure = await asker.failure(server, starttls=dialect)
    assert failure.reason is FailureReason.PROTOCOL
    assert len(failure.detail) < 1000


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
