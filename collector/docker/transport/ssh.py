"""An engine behind sshd: `ssh://vsa@web-1.example.com`, its socket forwarded; no docker there is run.

One SSH connection a node (RFC 4253) carries every channel to the engine's socket, opened as
`direct-streamlocal@openssh.com` (OpenSSH's PROTOCOL, 2.4).
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import cast
from urllib.parse import unquote, urlsplit

import asyncssh

from collector.docker.failures import Failed, HostKeyRefused
from collector.docker.http import Connection
from collector.docker.network import Network
from registry.facts.credentials import SshCredential
from registry.facts.nodes import NodeQuestion
from registry.facts.outcomes import FailureReason

_PORT = 22
_SOCKET = "/var/run/docker.sock"
# A host that vanished leaves a connection that looks alive until somebody asks it.
_KEEPALIVE_SECONDS = 15


class SshTransport:
    """Opens channels to the engine's socket down one SSH connection, made when it is first needed."""

    def __init__(self, question: NodeQuestion, network: Network) -> None:
        parts = urlsplit(question.docker_url)
        self._user = unquote(parts.username or "")
        self._host, self._port = parts.hostname or "", parts.port or _PORT
        self._path = unquote(parts.path) or _SOCKET
        self._credential, self._host_key = question.credential, question.host_key
        self._network = network
        self._login: asyncssh.SSHClientConnection | None = None
        self._one_at_a_time = asyncio.Lock()

    async def connect(self) -> Connection:
        """Open one more channel to the engine's socket."""
        async with self._one_at_a_time:
            if self._login is None or self._login.is_closed():
                self._login = await self._log_in()
        connection = Connection()
        try:
            await self._login.create_unix_connection(lambda: _Channel(connection), self._path)
        except asyncssh.ChannelOpenError:
            # OpenSSH gives one code for all three.
            raise Failed(
                FailureReason.FORBIDDEN,
                f"sshd opens no way to {self._path} for {self._user}: the socket must exist, the user be in"
                " its group (docker), and AllowStreamLocalForwarding be yes there",
            ) from None
        return connection

    def close(self) -> None:
        """Drop the SSH connection, and with it every channel."""
        if self._login is not None:
            self._login.abort()
            self._login = None

    async def _log_in(self) -> asyncssh.SSHClientConnection:
        if not isinstance(self._credential, SshCredential):
            raise Failed(FailureReason.AUTH, "ssh:// wants a credential that is an SSH key")
        expected = _host_key(self._host_key)
        key = _private_key(self._credential)
        door = await self._network.connect(self._host, self._port)
        judge = _Judge(expected)
        try:
            return await asyncssh.connect(
                self._host,
                sock=door,
                client_factory=lambda: judge,
                username=self._user,
                client_keys=[key],
                # Nothing of this machine's own: no ~/.ssh, no agent, no other way in.
                config=None,
                agent_path=None,
                gss_host=None,
                known_hosts=([], [], []),
                preferred_auth="publickey",
                server_host_key_algs=_algorithms(expected) or (),
                compression_algs=["none"],
                keepalive_interval=_KEEPALIVE_SECONDS,
            )
        except asyncssh.HostKeyNotVerifiable:
            raise judge.refusal() from None
        except asyncssh.PermissionDenied:
            raise Failed(
                FailureReason.AUTH,
                f"sshd lets {self._user} not in with {key.get_fingerprint()}: is it in that user's"
                " authorized_keys?",
            ) from None
        except asyncssh.Error as error:
            raise Failed(FailureReason.PROTOCOL, f"SSH failed: {error.reason}") from None
        finally:
            if self._login is None and judge.connection is None:
                door.close()


class _Channel(asyncssh.SSHUNIXSession[bytes]):
    """Hands a channel's bytes to an HTTP connection, which takes the channel for its transport."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def connection_made(self, chan: asyncssh.SSHUNIXChannel[bytes]) -> None:
        self._connection.connection_made(cast("asyncio.Transport", chan))

    def data_received(self, data: bytes, _datatype: int | None) -> None:
        self._connection.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.connection_lost(exc)


class _Judge(asyncssh.SSHClient):
    """Takes the host key that was registered and no other; without one, none."""

    def __init__(self, expected: asyncssh.SSHKey | None) -> None:
        self.connection: asyncssh.SSHClientConnection | None = None
        self._expected = expected
        self._shown: asyncssh.SSHKey | None = None

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self.connection = conn

    def validate_host_public_key(
        self, _host: str, _addr: str, _port: int, key: asyncssh.SSHKey
    ) -> bool:
        self._shown = key
        return self._expected is not None and key.public_data == self._expected.public_data

    def refusal(self) -> Failed:
        assert self._shown is not None
        shown = self._shown.get_fingerprint()
        known = self._expected and self._expected.get_fingerprint()
        detail = (
            f"its host key is {shown}, but {known} is registered: reinstalled, or somebody in between"
            if known
            else f"its host key {shown} is not registered yet; if it is right: vsa node trust NAME"
        )
        return HostKeyRefused(detail, self._shown.export_public_key().decode().strip())


def _algorithms(key: asyncssh.SSHKey | None) -> str:
    """Ask for the registered kind of key first, so that sshd shows that one if it still has it."""
    return (
        ""
        if key is None
        else "^" + ",".join(algorithm.decode() for algorithm in key.sig_algorithms)
    )


@lru_cache(4096)
def _host_key(text: str) -> asyncssh.SSHKey | None:
    if not text:
        return None
    try:
        return asyncssh.import_public_key(text)
    except asyncssh.KeyImportError as error:
        raise Failed(FailureReason.HOST_KEY, f"its host key cannot be read: {error}") from None


@lru_cache(1024)
def _private_key(credential: SshCredential) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_private_key(credential.private_key)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise Failed(FailureReason.AUTH, f"its credential cannot be used: {error}") from None
