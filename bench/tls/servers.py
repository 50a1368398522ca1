"""Local TLS servers in processes of their own: one as fast as can be, or a fleet of a thousand.

python -m bench.tls.servers FOLDER COUNT PORT

serves COUNT certificates of one authority, each on an address of its own.
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import uvloop

from tests.parts.ports import free_port, wait_for_port
from tests.parts.tls import Authority, PrivateKey, ec_key, rsa_key, server_context

NAME = "bench.test"
_FIRST = IPv4Address("127.8.0.1")
_BACKLOG = 64
_KEYS: Mapping[str, Callable[[], PrivateKey]] = {"P-256": ec_key, "RSA-2048": rsa_key}
KINDS = tuple(_KEYS)


@dataclass(frozen=True, slots=True)
class Target:
    """Where servers listen, and the file with the root to trust."""

    addresses: tuple[str, ...]
    port: int
    bundle: Path


@contextmanager
def one_server(folder: Path, kind: str) -> Iterator[Target]:
    """Run `openssl s_server` with a leaf under an intermediate under a root, all with keys of a kind."""
    root = Authority.create(key=_KEYS[kind]())
    leaf = root.intermediate(key=_KEYS[kind]()).issue([NAME], key=_KEYS[kind]())
    (folder / "leaf.pem").write_bytes(leaf.pem())
    port = free_port()
    command = ["openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-tls1_3"]
    command += ["-cert", "leaf.pem", "-key", "leaf.pem", "-cert_chain", "leaf.pem"]
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        wait_for_port(port)
        yield Target(("127.0.0.1",), port, root.bundle_path(folder))
        process.kill()


@contextmanager
def fleet_of_servers(folder: Path, count: int) -> Iterator[Target]:
    """Run a process that serves `count` addresses, each with a certificate of its own."""
    port = free_port()
    command = [sys.executable, "-m", "bench.tls.servers", str(folder), str(count), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", "the fleet of servers did not start"
        yield Target(_addresses(count), port, folder / "bundle.pem")
        process.kill()


def _addresses(count: int) -> tuple[str, ...]:
    return tuple(str(_FIRST + number) for number in range(count))


async def _serve(folder: Path, count: int, port: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    root = Authority.create()
    issuer = root.intermediate()
    root.bundle_path(folder)
    for address in _addresses(count):
        context = server_context(issuer.issue([address]))
        await asyncio.start_server(_hold, address, port, ssl=context, backlog=_BACKLOG)
    print("ready", flush=True)
    await asyncio.Event().wait()


async def _hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say nothing until the client leaves."""
    with suppress(OSError):
        await reader.read()
        writer.close()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        uvloop.run(_serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
