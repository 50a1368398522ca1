"""A real ACME authority: Debian's pebble, which validates for real, and the names that it resolves."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.parts.ports import free_port
from tests.parts.require import require_program
from tests.parts.tls import Authority

PACKAGE = "pebble"
_START_SECONDS = 15.0
# Pebble waits some seconds before it validates, and refuses good nonces to try its clients.
_SPEED = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}


@dataclass(frozen=True, slots=True)
class Pebble:
    """A running authority at `directory`; `bundle` is what its clients trust it by."""

    directory: str
    bundle: Path
    root: str
    names: str

    def resolve_every_name_to(self, address: str) -> None:
        """Let every DNS name lead to this IPv4 address from now on."""
        httpx.post(f"{self.names}/set-default-ipv4", json={"ip": address}).raise_for_status()


@contextmanager
def pebble(folder: Path, http_port: int) -> Iterator[Pebble]:
    """Run pebble, which fetches its challenges from `http_port` instead of 80; it stops with the block."""
    acme, management, dns, names = (f"127.0.0.1:{free_port()}" for _ in range(4))
    config, bundle = _configure(folder, acme, management, http_port)
    with ExitStack() as stack:
        for command in (
            _resolver(dns, names),
            [require_program("pebble", PACKAGE), "-config", config, "-dnsserver", dns],
        ):
            stack.enter_context(_running(list(map(str, command)), folder))
        trust = ssl.create_default_context(cafile=str(bundle))
        root = _wait_for(f"https://{management}/roots/0", trust, folder)
        yield Pebble(f"https://{acme}/dir", bundle, root, f"http://{names}")


def _resolver(dns: str, management: str) -> list[str | Path]:
    """Return the command of a DNS server that knows every name, and does nothing else."""
    no = ("http01", "https01", "tlsalpn01", "defaultIPv6")
    program = require_program("pebble-challtestsrv", PACKAGE)
    others = [f"-{name}=" for name in no]
    return [program, "-dns01", dns, "-management", management, *others]


def _configure(folder: Path, acme: str, management: str, http_port: int) -> tuple[Path, Path]:
    """Write pebble's configuration, with a certificate for its own door; return it and the trust."""
    authority = Authority.create("Pebble's Door")
    identity = folder / "pebble.pem"
    identity.write_bytes(authority.issue(["127.0.0.1"]).pem())
    settings = {
        "listenAddress": acme,
        "managementListenAddress": management,
        "certificate": str(identity),
        "privateKey": str(identity),
        "httpPort": http_port,
        "tlsPort": http_port,
    }
    config = folder / "pebble.json"
    config.write_text(json.dumps({"pebble": settings}), encoding="utf-8")
    return config, authority.bundle_path(folder)


@contextmanager
def _running(command: list[str], folder: Path) -> Iterator[None]:
    with (folder / "pebble.log").open("a", encoding="utf-8") as log:
        environment = {**os.environ, **_SPEED}
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_for(url: str, trust: ssl.SSLContext, folder: Path) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            return httpx.get(url, verify=trust).raise_for_status().text
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError(f"pebble did not start: {(folder / 'pebble.log').read_text('utf-8')}")
