"""The ways to an engine, and what each says when it leads nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncssh
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate

from registry.facts.credentials import Credential, SshCredential, TlsCredential
from registry.facts.outcomes import Failure, FailureReason, HostKeyFailure
from tests.collector.docker.labs import NETWORK, Way
from tests.parts.ports import free_port
from tests.parts.sshd import Sshd, sshd
from tests.parts.tls import Authority, serve


async def failure(way: Way) -> Failure:
    asker = way.asker(time_limit=5.0)
    try:
        return await asker.failure()
    finally:
        await asker.close()


def expect(found: Failure, reason: FailureReason, *words: str) -> None:
    assert found.reason is reason, found
    for word in words:
        assert word in found.detail


# ---------------------------------------------------------------------------- reaching a host


async def test_an_unknown_scheme_names_the_known_ones() -> None:
    expect(await failure(Way("http://x")), FailureReason.UNREACHABLE, "unix://, tcp://, ssh://")


async def test_a_name_without_address_is_a_dns_failure() -> None:
    expect(await failure(Way("tcp://no-such.invalid")), FailureReason.DNS, "no-such.invalid")


async def test_a_closed_port_refuses() -> None:
    expect(await failure(Way(f"tcp://127.0.0.1:{free_port()}")), FailureReason.REFUSED, "127.0.0.1")


@pytest.mark.parametrize("address", ["169.254.169.254", "[fe80::1]", "0.0.0.0"])
async def test_an_address_that_the_policy_forbids_is_not_connected_to(address: str) -> None:
    expect(await failure(Way(f"tcp://{address}:2375")), FailureReason.FORBIDDEN)


async def test_a_name_of_a_forbidden_address_is_not_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("collector.resolver._getaddrinfo", lambda name: ["169.254.169.254"])
    found = await failure(Way("tcp://metadata.test:2375"))
    expect(found, FailureReason.FORBIDDEN, "169.254.169.254")


async def test_the_next_address_is_tried_when_the_first_refuses(
    monkeypatch: pytest.MonkeyPatch, over_tls: Way
) -> None:
    monkeypatch.setattr("collector.resolver._getaddrinfo", lambda name: ["127.0.0.9", "127.0.0.1"])
    found = await failure(replace(over_tls, url=over_tls.url.replace("127.0.0.1", "two.test")))
    expect(found, FailureReason.TLS, "two.test")  # the second answered, with another's certificate


# ---------------------------------------------------------------------------- TLS


def shown(authority: Authority, *, signer: Authority | None = None) -> TlsCredential:
    """A credential that trusts `authority` and shows a certificate of `signer`, or none."""
    ca = authority.certificate.public_bytes(Encoding.PEM).decode()
    if signer is None:
        return TlsCredential(ca)
    pem = signer.issue(["collector.test"]).pem().decode()
    return TlsCredential(ca, certificate=pem, key=pem)


async def test_what_the_engine_shows_is_a_fact_at_each_scrape(
    over_tls: Way, authority: Authority
) -> None:
    asker = over_tls.asker()
    try:
        first, second = await asker.facts(), await asker.facts()
    finally:
        await asker.close()
    certificate = load_der_x509_certificate(first.certificate)
    certificate.verify_directly_issued_by(authority.certificate)
    assert second.certificate == first.certificate


async def test_without_a_certificate_the_engine_lets_nobody_in(
    over_tls: Way, authority: Authority
) -> None:
    found = await failure(replace(over_tls, credential=shown(authority)))
    expect(found, FailureReason.AUTH, "client certificate")


async def test_a_strangers_certificate_is_refused(over_tls: Way, authority: Authority) -> None:
    stranger = shown(authority, signer=Authority.create("Stranger"))
    expect(await failure(replace(over_tls, credential=stranger)), FailureReason.AUTH)


async def test_an_engine_of_an_unknown_authority_is_not_asked(over_tls: Way) -> None:
    found = await failure(replace(over_tls, credential=shown(Authority.create("Other"))))
    expect(found, FailureReason.TLS, "certificate is refused")


async def test_an_engine_without_tls_where_tls_is_expected(authority: Authority) -> None:
    async with talking(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        found = await failure(Way(f"tcp://127.0.0.1:{port}", shown(authority)))
    expect(found, FailureReason.TLS, "does not speak TLS")


async def test_an_engine_is_asked_in_the_clear_only_where_that_is_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.collector.docker.labs.NETWORK", replace(NETWORK, allow_plain=False))
    found = await failure(Way(f"tcp://127.0.0.1:{free_port()}"))
    expect(found, FailureReason.FORBIDDEN, "VSA_ALLOW_PLAIN_TCP")


async def test_an_engine_with_tls_where_none_is_expected(over_tls: Way) -> None:
    found = await failure(replace(over_tls, credential=None))
    expect(found, FailureReason.PROTOCOL, "400")


@pytest.mark.parametrize(
    ("names", "days", "words"),
    [
        (["other.test"], 30, "certificate is not valid for '127.0.0.1'"),
        (["127.0.0.1"], -1, "certificate has expired"),
    ],
)
async def test_a_wrong_certificate_is_told_why(
    authority: Authority, names: list[str], days: int, words: str
) -> None:
    now = datetime.now(UTC)
    identity = authority.issue(
        names, not_before=now - timedelta(days=60), not_after=now + timedelta(days=days)
    )
    with serve(identity) as server:
        found = await failure(Way(f"tcp://{server.address}:{server.port}", shown(authority)))
    expect(found, FailureReason.TLS, words)


async def test_a_stall_in_the_handshake_costs_the_time_limit(authority: Authority) -> None:
    async with talking(b"") as port:
        asker = Way(f"tcp://127.0.0.1:{port}", shown(authority)).asker(time_limit=0.3)
        expect(await asker.failure(), FailureReason.TIMEOUT, "0.3 s while connecting")
        await asker.close()


@pytest.mark.parametrize(
    "credential",
    [
        TlsCredential("no PEM"),
        TlsCredential("", certificate="no PEM", key="no PEM"),
        SshCredential("no PEM"),
    ],
)
async def test_a_credential_that_is_none_is_a_failure_without_its_text(
    credential: Credential,
) -> None:
    found = await failure(Way("tcp://127.0.0.1:1", credential))
    expect(found, FailureReason.AUTH)
    assert "no PEM" not in found.detail


@asynccontextmanager
async def talking(greeting: bytes) -> AsyncIterator[int]:
    """A server that greets, and then only listens."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1")
    async with server:
        yield server.sockets[0].getsockname()[1]


# ---------------------------------------------------------------------------- SSH


async def test_a_host_key_that_is_not_registered_yet_is_told(
    over_ssh: Way, ssh_server: Sshd
) -> None:
    found = await failure(replace(over_ssh, host_key=""))
    real = asyncssh.import_public_key(ssh_server.host_key)
    expect(found, FailureReason.HOST_KEY, "not registered", real.get_fingerprint())
    assert isinstance(found, HostKeyFailure)
    assert found.shown == ssh_server.host_key


async def test_a_changed_host_key_is_told_with_both_fingerprints(
    over_ssh: Way, ssh_server: Sshd
) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    found = await failure(replace(over_ssh, host_key=other.export_public_key().decode()))
    real = asyncssh.import_public_key(ssh_server.host_key)
    expect(found, FailureReason.HOST_KEY, other.get_fingerprint(), real.get_fingerprint())


async def test_a_host_key_of_another_kind_is_a_changed_one(over_ssh: Way) -> None:
    other = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
    found = await failure(replace(over_ssh, host_key=other.export_public_key().decode()))
    expect(found, FailureReason.HOST_KEY, other.get_fingerprint())


async def test_a_key_that_sshd_does_not_know(over_ssh: Way) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    credential = SshCredential(key.export_private_key().decode())
    found = await failure(replace(over_ssh, credential=credential))
    expect(found, FailureReason.AUTH, key.get_fingerprint(), "authorized_keys")


async def test_ssh_without_a_key(over_ssh: Way) -> None:
    expect(await failure(replace(over_ssh, credential=None)), FailureReason.AUTH, "SSH key")


async def test_a_socket_that_is_not_there(over_ssh: Way, ssh_server: Sshd) -> None:
    found = await failure(replace(over_ssh, url=ssh_server.url("/run/no-such.sock")))
    expect(found, FailureReason.FORBIDDEN, "/run/no-such.sock", "group")


async def test_sshd_that_forbids_forwarding(over_ssh: Way, tmp_path: Path) -> None:
    with sshd(tmp_path, forwarding=False) as strict:
        way = Way(strict.url("/x.sock"), SshCredential(strict.private_key), strict.host_key)
        found = await failure(way)
    expect(found, FailureReason.FORBIDDEN, "AllowStreamLocalForwarding")


async def test_no_sshd_but_something_else() -> None:
    async with talking(b"220 mail.example.com ESMTP\r\n") as port:
        key = asyncssh.generate_private_key("ssh-ed25519")
        credential = SshCredential(key.export_private_key().decode())
        host_key = key.export_public_key().decode()
        asker = Way(f"ssh://root@127.0.0.1:{port}", credential, host_key).asker(time_limit=1.0)
        expect(await asker.failure(), FailureReason.TIMEOUT)
        await asker.close()


async def test_a_lost_ssh_connection_is_made_anew(over_ssh: Way, ssh_server: Sshd) -> None:
    asker = over_ssh.asker(time_limit=5.0)
    try:
        first = await asker.facts()
        ssh_server.end_sessions()
        again = await asker.outcome()
        if isinstance(again, Failure):  # it was told of the end in the middle of asking
            again = await asker.facts()
        assert again.engine == first.engine
    finally:
        await asker.close()
