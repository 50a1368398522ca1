"""The misdeeds of engines behind TLS and SSH, and of whoever answers before them; and the person's own environment."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from registry.facts.credentials import Credential, SshCredential, TlsCredential
from registry.facts.outcomes import Failure, FailureReason
from tests.collector.docker.labs import Asker, Way
from tests.parts.engine import (
    Mischief,
    StandIn,
    break_off,
    endless,
    garbage,
    half_close,
    hang,
    hang_up,
    saying,
    serving,
    serving_tls,
    trickle,
)
from tests.parts.engine_world import World
from tests.parts.sshd import Sshd
from tests.parts.tls import Authority, server_context

LIMIT = 0.5
BUDGET = 1 << 20


@pytest.fixture
def credential(authority: Authority) -> TlsCredential:
    ca = authority.certificate.public_bytes(Encoding.PEM).decode()
    pem = authority.issue(["collector.test"]).pem().decode()
    return TlsCredential(ca, certificate=pem, key=pem)


@pytest.fixture(params=["unix", "tls", "ssh"])
async def met(
    request: pytest.FixtureRequest, tmp_path: Path, authority: Authority, credential: TlsCredential
) -> AsyncIterator[tuple[StandIn, Asker]]:
    """A stand-in with one container, and one that has asked it by each way, within a small budget."""
    engine = StandIn()
    engine.world.run("web")
    path = tmp_path / "docker.sock"
    if request.param == "tls":
        serve = serving_tls(engine, demanding(authority))
    else:
        serve = serving(engine, path)
    async with serve as url:
        way = Way(url, credential if request.param == "tls" else None)
        if request.param == "ssh":
            server: Sshd = request.getfixturevalue("ssh_server")
            key = SshCredential(server.private_key)
            way = Way(server.url(str(path)), key, server.host_key)
        asker = way.asker(max_bytes=BUDGET)
        await asker.facts()
        yield engine, asker
        await asker.close()


def demanding(authority: Authority) -> ssl.SSLContext:
    """A server's context that wants a client certificate of the authority."""
    context = server_context(authority.issue(["127.0.0.1"]))
    context.load_verify_locations(cadata=authority.certificate.public_bytes(Encoding.PEM).decode())
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def received(asker: Asker) -> int:
    """The bytes that the asker's client has read so far."""
    (memory,) = asker.probe._memories.values()
    return memory.client.received_bytes


@pytest.mark.parametrize(
    ("mischief", "reason"),
    [
        (hang, FailureReason.TIMEOUT),
        (trickle, FailureReason.TIMEOUT),
        (break_off, FailureReason.PROTOCOL),
        (garbage, FailureReason.PROTOCOL),
        (hang_up, FailureReason.PROTOCOL),
        (saying(b'[{"Id": "ab'), FailureReason.PROTOCOL),
        (saying(b'[{"Id": 5}]'), FailureReason.PROTOCOL),
        (endless, FailureReason.TOO_LARGE),
    ],
    ids=["hang", "trickle", "break_off", "garbage", "hang_up", "cut", "wrong_type", "endless"],
)
async def test_a_misdeed_has_its_reason_within_time_and_bytes_by_every_way(
    met: tuple[StandIn, Asker], mischief: Mischief, reason: FailureReason
) -> None:
    engine, asker = met
    engine.mischief = {"list": mischief}
    patient, before = asker.question, received(asker)
    asker.question = replace(patient, time_limit=LIMIT if reason is FailureReason.TIMEOUT else 5.0)
    began_at = time.monotonic()
    failure = await asker.failure()
    assert failure.reason is reason
    assert time.monotonic() - began_at < asker.question.time_limit + 0.5
    # A read more than the budget may be held.
    assert received(asker) - before < BUDGET + (1 << 18)
    engine.mischief, asker.question = {}, patient
    await asker.facts()  # it answers as before


# TLS knows no half: its end of writing is the connection's end.
@pytest.mark.parametrize("met", ["unix", "ssh"], indirect=True)
async def test_a_half_closed_connection_is_not_waited_for(met: tuple[StandIn, Asker]) -> None:
    engine, asker = met
    engine.mischief = {"list": half_close}
    assert (await asker.failure()).reason is FailureReason.PROTOCOL


async def test_a_flood_guard_that_resets_new_connections_refuses(
    credential: TlsCredential,
) -> None:
    async def reset(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    server = await asyncio.start_server(reset, "127.0.0.1")
    async with server:
        port = server.sockets[0].getsockname()[1]
        asker = Way(f"tcp://127.0.0.1:{port}", credential).asker(time_limit=5.0)
        failure = await asker.failure()
        await asker.close()
    assert failure.reason is FailureReason.REFUSED
    assert "reset" in failure.detail


async def test_an_engine_that_takes_one_connection_only_fails_at_once(tmp_path: Path) -> None:
    engine = StandIn(World("1.41"))
    for number in range(20):
        engine.world.run(f"web-{number}")
    engine.most_connections = 1
    async with serving(engine, tmp_path / "docker.sock") as url:
        asker = Asker(url, time_limit=5.0)
        began_at = time.monotonic()
        failure = await asker.failure()
        await asker.close()
    assert failure.reason is FailureReason.PROTOCOL
    assert failure.detail.endswith("closed without an answer")
    assert time.monotonic() - began_at < 1


# ---------------------------------------------------------------------------- who answers before sshd does


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"", FailureReason.TIMEOUT),
        (b"SSH-2.0-", FailureReason.TIMEOUT),
        (b"SSH-2.0-OpenSSH_9.2\r\n", FailureReason.TIMEOUT),
        # RFC 4253, 4.2: other lines may come before the banner.
        (b"HTTP/1.1 400 Bad Request\r\n\r\n" * 400, FailureReason.TIMEOUT),
        (b"\x00" * 300_000, FailureReason.PROTOCOL),
    ],
    ids=["nothing", "half a banner", "no key exchange", "HTTP", "zeros"],
)
async def test_whoever_is_no_sshd_costs_the_time_limit_at_most(
    said: bytes, reason: FailureReason
) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1")
    async with server:
        url = f"ssh://vsa@127.0.0.1:{server.sockets[0].getsockname()[1]}"
        key = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
        began_at = time.monotonic()
        failure = await ask_once(url, SshCredential(key), LIMIT)
    assert failure.reason is reason
    assert time.monotonic() - began_at < LIMIT + 1


async def ask_once(url: str, credential: Credential, time_limit: float) -> Failure:
    host_key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    asker = Way(url, credential, host_key).asker(time_limit=time_limit)
    try:
        return await asker.failure()
    finally:
        await asker.close()


# ---------------------------------------------------------------------------- the person's environment


@pytest.fixture
def hostile_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Variables and files by which the Docker SDK, requests and ssh would go astray."""
    nowhere = "http://127.0.0.1:9"
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, nowhere)
        monkeypatch.setenv(name.lower(), nowhere)
    monkeypatch.setenv("NO_PROXY", "")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "DOCKER_CERT_PATH"):
        monkeypatch.setenv(name, "/no/such/file")
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CONTEXT", "nowhere")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/no/such/agent")
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / ".ssh"
    folder.mkdir()
    (folder / "config").write_text("Host *\n  ProxyCommand /bin/false\n  Port 9\n  User nobody\n")
    (folder / "known_hosts").write_text("* ssh-ed25519 AAAA\n")


@pytest.mark.usefixtures("hostile_environment")
async def test_the_environment_changes_nothing(met: tuple[StandIn, Asker]) -> None:
    assert os.environ["HTTPS_PROXY"]
    _, asker = met
    again = Asker(asker.question.docker_url)
    again.question = asker.question
    facts = await again.facts()
    await again.close()
    assert [container.name for container in facts.containers] == ["web"]
