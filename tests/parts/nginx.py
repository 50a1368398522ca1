"""Debian's NGINX on the shipped configuration, as the container runs it: unprivileged, folders of its own.

Only places change: paths, ports, upstreams. Debian's 1.22 spells HTTP/2 in another way than the image's 1.28.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import bcrypt

from tests.parts.ports import free_port
from tests.parts.postgres import short_folder
from tests.parts.require import require_program
from tests.parts.tls import Authority

DOMAIN = "vsa.example.com"
PROXY_TOKEN = "the-proxy-s-token-of-the-tests"
NAME, PASSWORD = "alice", "a quiet Tuesday in autumn"
SHIPPED = Path(__file__).parents[2] / "compose/nginx"

_PACKAGE = "nginx-light"
_USER = 101
_START_SECONDS = 20.0


@dataclass
class Nginx:
    """A running NGINX, or one that is ready to be started; everything it has is below `folder`."""

    folder: Path
    authority: Authority
    ports: Mapping[str, int]
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Where it serves https; the certificate is for DOMAIN alone."""
        return f"https://127.0.0.1:{self.ports['8443']}"

    @property
    def config(self) -> Path:
        """The configuration as this NGINX reads it."""
        return self.folder / "etc/nginx/nginx.conf"

    @property
    def passwords(self) -> Path:
        """The password file."""
        return self.folder / "etc/nginx/auth/htpasswd"

    def log(self, kind: str) -> list[str]:
        """The lines of the domain's "access" or "error" log."""
        path = self.folder / f"var/log/nginx/{DOMAIN}.{kind}.log"
        return path.read_text(encoding="utf-8").splitlines()

    def command(self, *arguments: str) -> list[str]:
        """A command line of NGINX for this configuration."""
        program = str(require_program("nginx", _PACKAGE))
        return [program, "-c", str(self.config), "-e", str(self.folder / "dev/stderr"), *arguments]

    def judge(self) -> subprocess.CompletedProcess[str]:
        """Let NGINX test its configuration."""
        return subprocess.run(
            self.command("-t"),
            capture_output=True,
            text=True,
            check=False,
            user=_user(),
            group=_user(),
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = self.command("-g", "daemon off;")
        self.process = subprocess.Popen(command, user=_user(), group=_user())
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.ports["8443"])).close()
            except ConnectionRefusedError:
                time.sleep(0.02)
            else:
                return
        raise RuntimeError(f"NGINX did not start: {(self.folder / 'dev/stderr').read_text()}")

    def reload(self) -> None:
        """Let it read its configuration anew."""
        assert self.process
        self.process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """Stop it at once."""
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=20)


@contextmanager
def shipped_nginx(
    upstreams: Mapping[str, str], replacing: Sequence[tuple[str, str]] = ()
) -> Iterator[Nginx]:
    """Lay out an NGINX that is not started yet; `upstreams` says where each `name:port` of compose is.

    `replacing` are further pairs of text and replacement for the configuration.
    """
    with short_folder("vsa-nginx-") as folder:
        authority = Authority.create()
        ports = {name: free_port() for name in ("8080", "8443", "8081")}
        changes = [*_listening(ports), *upstreams.items(), *replacing, *_paths(folder)]
        for kind in ("dev", "tmp", "var/log/nginx", "var/www/acme"):
            (folder / kind).mkdir(parents=True)
        _lay_out(folder / "etc/nginx", changes)
        _write_secrets(folder, authority)
        _give_to_user(folder)
        nginx = Nginx(folder, authority, ports)
        try:
            yield nginx
        finally:
            nginx.stop()


def hashed(password: str) -> str:
    """Hash a password as cheaply as bcrypt can."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


def _lay_out(etc: Path, changes: Sequence[tuple[str, str]]) -> None:
    shutil.copytree(SHIPPED, etc, ignore=shutil.ignore_patterns("host", "templates"))
    (etc / "container").rename(etc / "place")
    (etc / "conf.d").mkdir()
    for template in (SHIPPED / "templates").iterdir():
        rendered = template.read_text(encoding="utf-8")
        # What the image's envsubst does under NGINX_ENVSUBST_FILTER.
        for name, value in (("DASHBOARD_DOMAIN", DOMAIN), ("VSA_PROXY_TOKEN", PROXY_TOKEN)):
            rendered = rendered.replace(f"${{{name}}}", value)
        (etc / "conf.d" / template.name.removesuffix(".template")).write_text(rendered)
    for path in (*etc.rglob("*.conf"), *etc.rglob("*.inc")):
        text = path.read_text(encoding="utf-8")
        for old, new in changes:
            text = text.replace(old, new)
        path.write_text(_for_this_version(text), encoding="utf-8")
    shutil.copy("/etc/nginx/mime.types", etc)


def _for_this_version(text: str) -> str:
    """Spell HTTP/2 as NGINX did before 1.25.1, whose `http2 on;` Debian's does not know."""
    if not re.search(r"^\s*http2\s+on;\n", text, re.MULTILINE):
        return text
    text = re.sub(r"^\s*http2\s+on;\n", "", text, flags=re.MULTILINE)
    return re.sub(r"(listen\s+\S+ ssl)\b", r"\1 http2", text)


def _paths(folder: Path) -> list[tuple[str, str]]:
    places = ("/etc/nginx/", "/etc/letsencrypt/", "/var/www/", "/var/log/", "/dev/stderr", "/tmp/")
    # Marked first: the folder itself may hold one of these.
    marked = [(place, f"@{place[1:]}") for place in places]
    return [*marked, *((mark, f"{folder}/{mark[1:]}") for _, mark in marked)]


def _listening(ports: Mapping[str, int]) -> list[tuple[str, str]]:
    written = [("8080", ""), ("8443", ""), ("8081", "127.0.0.1:")]
    return [
        (spaces + host + port, f"{spaces}127.0.0.1:{ports[port]}")
        for port, host in written
        for spaces in ("listen ", "listen      ")
    ]


def _write_secrets(folder: Path, authority: Authority) -> None:
    live = folder / "etc/letsencrypt/live" / DOMAIN
    live.mkdir(parents=True)
    for name in ("fullchain.pem", "privkey.pem"):
        (live / name).touch(mode=0o600)
    write_certificate(folder, authority)
    (folder / "etc/nginx/auth").mkdir()
    (folder / "etc/nginx/auth/htpasswd").write_text(f"{NAME}:{hashed(PASSWORD)}\n")


def write_certificate(folder: Path, authority: Authority) -> None:
    """Issue a certificate for DOMAIN; chain and key share a text, which NGINX takes for both."""
    pem = authority.issue([DOMAIN]).pem()
    for name in ("fullchain.pem", "privkey.pem"):
        (folder / "etc/letsencrypt/live" / DOMAIN / name).write_bytes(pem)
    authority.bundle_path(folder)


def _give_to_user(folder: Path) -> None:
    if _user() is not None:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, _USER, _USER)


def _user() -> int | None:
    return _USER if os.geteuid() == 0 else None
