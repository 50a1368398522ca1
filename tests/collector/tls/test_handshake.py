"""Real servers that shake hands badly, late, or only with whom they like."""

from __future__ import annotations

import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from registry.facts.domains import Verdict
from registry.facts.outcomes import FailureReason
from tests.collector.tls.asking import NAME, Asker, World
from tests.collector.tls.manners import only
from tests.parts.require import require_program
from tests.parts.tls import Server, hold, listen, serve, server_context

STALL = 0.3


# ---------------------------------------------------------------------------- versions, ALPN


async def test_the_application_protocol_is_a_fact(world: World, asker: Asker) -> None:
    identity = world.issuer.issue([NAME])
    context = server_context(identity)
    context.set_alpn_protocols(["http/1.1"])
    with serve(identity, context=context) as server:
        assert (await asker.facts(server)).alpn == "http/1.1"


async def test_a_server_that_speaks_no_http_and_is_strict_about_it_is_asked_again_without(
    tmp_path: Path, world: World, asker: Asker
) -> None:
    program = require_program("openssl", "openssl")
    identity = tmp_path / "identity.pem"
    identity.write_bytes(world.issuer.issue([NAME]).sending().pem())
    with openssl_server(program, identity, "-alpn", "mqtt") as server:
        facts = await asker.facts(server)
    assert (facts.alpn, facts.certificate.sans) == ("", (NAME,))


@contextmanager
def openssl_server(program: Path, identity: Path, *options: str) -> Iterator[Server]:
    files = ("-cert", str(identity), "-key", str(identity))
    command = (str(program), "s_server", "-accept", "127.0.0.1:0", *files, *options)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        line = next(line for line in process.stdout if line.startswith(b"ACCEPT"))
        try:
            yield Server("127.0.0.1", int(line.rpartition(b":")[2]))
        finally:
            process.kill()


# ---------------------------------------------------------------------------- who is asked for


async def test_an_address_is_not_sent_as_a_server_name(world: World, asker: Asker) -> None:
    identity, names = world.issuer.issue(["127.0.0.1"]), list[str | None]()
    context = server_context(identity)
    context.sni_callback = lambda _connection, name, _context: names.append(name)
    with serve(identity, context=context) as server:
        assert (await asker.facts(server, "127.0.0.1")).verdict is Verdict.OK
    assert names == [None]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_the_facts_of_a_server_that_wants_a_client_certificate_are_kept(
    world: World, asker: Asker, version: ssl.TLSVersion
) -> None:
    identity = world.issuer.issue([NAME])
    context = server_context(identity)
    only(version)(context)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(world.bundle)
    with serve(identity, context=context) as server:
        assert (await asker.facts(server)).verdict is Verdict.OK  # verified
        assert (await asker.facts(server)).verdict is Verdict.OK  # remembered
        assert (await asker.facts(server, "else.test")).verdict is Verdict.HOSTNAME_MISMATCH


# ---------------------------------------------------------------------------- no TLS, no answer


async def test_plain_http_on_the_port_is_quoted(asker: Asker) -> None:
    def http(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nServer: plain\r\n\r\n")
        hold(connection)

    with listen(http) as server:
        failure = await asker.failure(server)
    assert failure.reason is FailureReason.TLS
    assert "does not speak TLS here" in failure.detail
    assert "HTTP/1.1 400 Bad Request" in failure.detail


async def test_a_greeting_instead_of_tls_is_quoted_in_printable_characters(asker: Asker) -> None:
    with listen(lambda connection: connection.sendall(b"SSH-2.0-\x1b[31mx\xff\r\n")) as server:
        failure = await asker.failure(server)
    assert failure.reason is FailureReason.TLS
    assert "SSH-2.0-" in failure.detail
    assert failure.detail.isprintable()


async def test_a_connection_closed_at_once_is_a_tls_failure(asker: Asker) -> None:
    with listen(lambda _: None) as server:
        failure = await asker.failure(server)
    assert failure.reason is FailureReason.TLS
    assert "during the TLS handshake" in failure.detail


async def test_a_connection_reset_in_the_handshake_is_a_tls_failure(asker: Asker) -> None:
    def reset(connection: socket.socket) -> None:
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with listen(reset) as server:
        failure = await asker.failure(server)
    assert failure.reason is FailureReason.TLS


async def test_a_trickling_server_costs_no_more_than_the_time_limit(asker: Asker) -> None:
    stop = threading.Event()

    def trickle(connection: socket.socket) -> None:
        for byte in b"\x16\x03\x03\x40\x00" + b"\x02" * 1000:
            connection.send(bytes([byte]))
            if stop.wait(0.02):
                return

    with listen(trickle) as server:
        endpoint = await asker.endpoint(server, limit=STALL)
        stop.set()
    assert endpoint.failure
    assert endpoint.failure.reason is FailureReason.TIMEOUT
    assert endpoint.seconds < 3 * STALL
