"""The edge's two containers as processes: NGINX with its watcher, and the keeper with certbot."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.end_to_end.house import wait_for
from tests.parts.nginx import DOMAIN, Nginx, shipped_nginx
from tests.parts.require import require_program
from tests.parts.tls import Identity

SCRIPTS = Path(__file__).parents[2] / "compose" / "certbot"
NGINX_UID = 101
LOOKS_SECONDS = 5.0  # two looks of the keeper, or of the watcher


def unprivileged() -> dict[str, Any]:
    """Return NGINX's user of the image where this process may take it and can still start Python."""
    user: dict[str, Any] = {"user": NGINX_UID, "group": NGINX_UID, "extra_groups": []}
    if os.geteuid() != 0:
        return {}
    try:
        subprocess.run([sys.executable, "-c", ""], check=True, **user)
    except (OSError, subprocess.CalledProcessError):
        return {}
    return user


def as_files(identity: Identity) -> dict[str, bytes]:
    """The two files that NGINX reads."""
    pem = identity.pem()
    end = pem.index(b"-----BEGIN CERTIFICATE")
    return {"fullchain.pem": pem[end:], "privkey.pem": pem[:end]}


@contextmanager
def new_edge() -> Iterator[Edge]:
    """An edge of which nothing runs yet; all that was started stops with the block."""
    with shipped_nginx({}) as nginx:
        edge = Edge(nginx)
        try:
            yield edge
        finally:
            for name in list(edge.processes):
                edge.stop(name)


@dataclass
class Edge:
    """Both programs around the shipped NGINX, each with a log of its own, as NGINX's user where that can be."""

    nginx: Nginx
    user: dict[str, Any] = field(default_factory=unprivileged)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_program("certbot", "certbot")
        shutil.rmtree(self.published)  # what the other tests of NGINX start with
        for folder in (self.published, self.letsencrypt, self.work, self.folder / "bin"):
            folder.mkdir()
        self.environment = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.work),
            "DASHBOARD_DOMAIN": DOMAIN,
            "LETSENCRYPT_FOLDER": str(self.letsencrypt),
            "PUBLISHED_FOLDER": str(self.published),
            "LIVE_FOLDER": str(self.published / "live"),
            "WEBROOT_FOLDER": str(self.folder / "var/www/acme"),
            "WORK_FOLDER": str(self.work),
            "LOG_FOLDER": str(self.folder / "var/log/certbot"),
        }
        self.name_nginx()
        self.hand_over()

    def name_nginx(self) -> None:
        """Let the name `nginx` find this configuration, as it finds its own in the container."""
        program = self.folder / "bin" / "nginx"
        command = shlex.join(self.nginx.command())
        program.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
        program.chmod(0o755)

    def hand_over(self) -> None:
        """Give every file to the user of the programs, as the one-shot of the folders does."""
        if self.user:
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, self.user["user"], self.user["group"], follow_symlinks=False)

    @property
    def folder(self) -> Path:
        return self.nginx.folder

    @property
    def published(self) -> Path:
        return self.folder / "etc/letsencrypt"

    @property
    def live(self) -> Path:
        """The link that shows the pair to NGINX."""
        return self.published / "live" / DOMAIN

    @property
    def alive(self) -> Path:
        """What the keeper touches at every look."""
        return self.work / "certificate.alive"

    @property
    def letsencrypt(self) -> Path:
        return self.folder / "certbot"

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def port(self) -> int:
        """Where https is served."""
        return self.nginx.ports["8443"]

    # ------------------------------------------------------------------ the two containers

    def start_keeper(self, *options: str) -> None:
        self.start("keeper", *self.certificate("keep", *options))

    def start_nginx(self) -> None:
        """Start NGINX as its image's entrypoint does: the scripts in a pipe, then NGINX itself."""
        wait_for("a pair is published", self.live.exists)
        wait_for("the keeper is healthy", lambda: self.health().returncode == 0)
        shell = require_program("busybox", "busybox-static")
        scripts = f"echo {SCRIPTS / 'reload-nginx.sh'} | while read -r script"
        entrypoint = f"{scripts}; do {shell} sh $script; done; exec nginx -g 'daemon off;'"
        self.start("nginx", str(shell), "sh", "-c", entrypoint)
        wait_for("NGINX answers", self.served)

    def start(self, name: str, *command: str) -> None:
        with self.log_path(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.user,
            )

    def stop(self, name: str) -> int:
        """Send what Docker sends to the main process; its container, the group, dies with it."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGQUIT if name == "nginx" else signal.SIGTERM)
        try:
            return process.wait(timeout=20)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    # ------------------------------------------------------------------ the person

    def certificate(self, *arguments: str) -> list[str]:
        return [sys.executable, str(SCRIPTS / "certificate.py"), *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.certificate(*arguments),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
            **self.user,
        )

    def health(self) -> subprocess.CompletedProcess[str]:
        return self.run("health")

    def put_own(self, identity: Identity, *, chain: bool = True, key: bool = True) -> None:
        """Put a company's certificate where docs/https.md says."""
        own = self.letsencrypt / "own"
        own.mkdir(exist_ok=True)
        wanted = [name for name, put in (("fullchain.pem", chain), ("privkey.pem", key)) if put]
        for name in wanted:
            (own / name).write_bytes(as_files(identity)[name])
        self.hand_over()

    def switch_link(self, name: str, identity: Identity) -> None:
        """Let one file of certbot's be another's, as certbot does it: by its link in live/."""
        live, archive = (self.letsencrypt / kind / DOMAIN for kind in ("live", "archive"))
        for folder in (live, archive):
            folder.mkdir(parents=True, exist_ok=True)
        target = archive / f"{identity.fingerprint}-{name}"
        target.write_bytes(as_files(identity)[name])
        (live / name).unlink(missing_ok=True)
        (live / name).symlink_to(target)
        self.hand_over()

    # ------------------------------------------------------------------ what is to be seen

    def served(self) -> str:
        """Return the fingerprint that NGINX serves now, nothing while it does not answer."""
        trust = ssl._create_unverified_context()  # a placeholder is to be seen too
        try:
            with (
                socket.create_connection(("127.0.0.1", self.port), timeout=5) as wire,
                trust.wrap_socket(wire, server_hostname=DOMAIN) as secured,
            ):
                certificate = secured.getpeercert(binary_form=True) or b""
        except OSError:
            return ""
        return hashlib.sha256(certificate).hexdigest()

    def wait_until_served(self, fingerprint: str) -> None:
        wait_for(f"{fingerprint} is served", lambda: self.served() == fingerprint)

    def wait_for_another_than(self, fingerprint: str) -> str:
        """Return the next certificate; for a moment after a reload the old workers accept too."""
        return wait_for("another certificate is served", lambda: self.other_than(fingerprint))

    def other_than(self, fingerprint: str) -> str:
        served = self.served()
        return "" if served == fingerprint else served

    def log(self, name: str) -> str:
        return self.log_path(name).read_text(encoding="utf-8")

    def log_path(self, name: str) -> Path:
        return self.folder / f"{name}.log"
