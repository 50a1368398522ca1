"""Real servers that shake hands badly, late, or only with whom they like."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import subprocess
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509

from registry.facts.domains import Verdict
from registry.facts.outcomes import FailureReason
from tests.collector.tls.asking import NAME, Asker, World, verdicts
from tests.parts.require import require_program
from tests.parts.tls import Server, hold, listen, serve, server_context

STALL = 0.3


def only(context: ssl.SSLContext, version: ssl.TLSVersion) -> ssl.SSLContext:
    with warnings.catch_warnings():  # of old versions, which are the point
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    return context


# ---------------------------------------------------------------------------- versions, ALPN


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_an_old_version_is_weak_and_no_failure(
    world: World, asker: Asker, version: ssl.TLSVersion
) -> None:
    identity = world.issuer.issue([NAME])
    with serve(identity, context=only(server_context(identity), version)) as server:
        facts = await asker.facts(server)
    assert verdicts(facts) == [Verdict.WEAK]
    assert facts.tls_version == version.name.replace("_", ".")


async def test_tls_1_2_is_strong_enough(world: World, asker: Asker) -> None:
    identity = world.issuer.issue([NAME])
    context = only(server_context(identity), ssl.TLSVersion.TLSv1_2)
    with serve(identity, context=context) as server:
        facts = await asker.facts(server)
    assert (facts.verdict, facts.tls_version) == (Verdict.OK, "TLSv1.2")


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


async def test_the_server_name_is_sent(world: World, asker: Asker) -> None:
    default = world.issuer.issue(["default.test"])
    context, named = server_context(default), server_context(world.issuer.issue([NAME]))

    def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        if name == NAME:
            connection.context = named

    context.sni_callback = choose
    with serve(default, context=context) as server:
        assert (await asker.facts(server)).verdict is Verdict.OK


async def test_an_address_is_not_sent_as_a_server_name(world: World, asker: Asker) -> None:
    identity, names = world.issuer.issue(["127.0.0.1"]), list[str | None]()
    context = server_context(identity)
    context.sni_callback = lambda _connection, name, _context: names.append(name)
    with serve(identity, context=context) as server:
        assert (await asker.facts(server, "127.0.0.1")).verdict is Verdict.OK
    assert names == [None]


async def test_a_server_name_that_the_server_refuses_is_named(world: World, asker: Asker) -> None:
    identity = world.issuer.issue([NAME])
    context = server_context(identity)
    context.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    with serve(identity, context=context) as server:
        failure = await asker.failure(server)
    assert failure.reason is FailureReason.TLS
    assert "unrecognized_name" in failure.detail
    assert "check server_name" in failure.detail


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_the_facts_of_a_server_that_wants_a_client_certificate_are_kept(
    world: World, asker: Asker, version: ssl.TLSVersion
) -> None:
    identity = world.issuer.issue([NAME])
    context = only(server_context(identity), version)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(world.bundle)
    with serve(identity, context=context) as server:
        assert (await asker.facts(server)).verdict is Verdict.OK  # verified
        assert (await asker.facts(server)).verdict is Verdict.OK  # remembered
        assert (await asker.facts(server, "else.test")).verdict is Verdict.HOSTNAME_MISMATCH


async def test_a_server_that_shares_no_cipher_is_a_tls_failure(world: World, asker: Asker) -> None:
    identity = world.issuer.issue([NAME])
    context = only(server_context(identity), ssl.TLSVersion.TLSv1_2)
    context.set_ciphers("aNULL:@SECLEVEL=0")
    with serve(identity, context=context) as server:
        failure = await asker.failure(server)
    assert failure.reason is FailureReason.TLS
    assert "handshake_failure" in failure.detail


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


async def test_a_stalled_handshake_times_out_and_the_step_is_named(asker: Asker) -> None:
    with listen(hold) as server:
        failure = await asker.failure(server, limit=STALL)
    assert failure.reason is FailureReason.TIMEOUT
    assert failure.detail == "the TLS handshake took longer than 0.3 s"


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


async def test_a_certificate_of_10_megabytes_is_too_large(world: World, asker: Asker) -> None:
    padding = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), os.urandom(10_000_000))
    with serve(world.issuer.issue([NAME], extensions=[padding])) as server:
        failure = await asker.failure(server)
    assert failure.reason is FailureReason.TOO_LARGE
