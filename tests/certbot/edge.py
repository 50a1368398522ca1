"""The edge's two containers as processes: NGINX with its watcher, and the keeper with certbot."""

from __future__ import annotations

import hashlib
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.end_to_end.house import wait_for
from tests.parts.ports import free_port
from tests.parts.postgres import short_folder
from tests.parts.require import require_program
from tests.parts.tls import Identity

DOMAIN = "dash.example.test"
SCRIPTS = Path(__file__).parents[2] / "compose" / "certbot"
NGINX_UID = 101
LOOKS_SECONDS = 5.0  # two looks of the keeper, or of the watcher
FOLDERS = ("letsencrypt", "published", "webroot", "work", "log")


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


@contextmanager
def new_edge() -> Iterator[Edge]:
    """An edge of which nothing runs yet; all that was started stops with the block."""
    with short_folder("edge-") as folder:
        edge = Edge(folder)
        try:
            yield edge
        finally:
            for name in list(edge.processes):
                edge.stop(name)


@dataclass
class Edge:
    """Both programs in a folder, each with a log of its own, as NGINX's user where that can be."""

    folder: Path
    http_port: int = field(default_factory=free_port)
    https_port: int = field(default_factory=free_port)
    environment: dict[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    user: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.user = unprivileged()
        for name in (*FOLDERS, "bin", "etc"):
            (self.folder / name).mkdir()
        require_program("certbot", "certbot")
        self.environment = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}:/usr/sbin",
            "HOME": str(self.folder / "work"),
            "DASHBOARD_DOMAIN": DOMAIN,
            "LIVE_FOLDER": str(self.folder / "published" / "live"),
            **{f"{name.upper()}_FOLDER": str(self.folder / name) for name in FOLDERS},
        }
        self.write_nginx_configuration()
        self.hand_over()

    def hand_over(self) -> None:
        """Give every file to the user of the programs, as the one-shot of the folders does."""
        if self.user:
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, self.user["user"], self.user["group"], follow_symlinks=False)

    def write_nginx_configuration(self) -> None:
        """Put the vhost where the name `nginx` finds it, as the container's NGINX finds its own."""
        live = self.folder / "published" / "live" / DOMAIN
        config = self.folder / "etc" / "nginx.conf"
        config.write_text(
            f"""
            daemon off; pid {self.folder}/work/nginx.pid; error_log stderr;
            events {{ worker_connections 256; }}
            http {{
                access_log off;
                client_body_temp_path {self.folder}/work/body; proxy_temp_path {self.folder}/work/proxy;
                fastcgi_temp_path {self.folder}/work/fastcgi; uwsgi_temp_path {self.folder}/work/uwsgi;
                scgi_temp_path {self.folder}/work/scgi;
                server {{
                    listen 127.0.0.1:{self.http_port};
                    location /.well-known/acme-challenge/ {{ root {self.folder}/webroot; }}
                    location / {{ return 301 https://$host$request_uri; }}
                }}
                server {{
                    listen 127.0.0.1:{self.https_port} ssl;
                    ssl_certificate {live}/fullchain.pem; ssl_certificate_key {live}/privkey.pem;
                    location / {{ return 200 ok; }}
                }}
            }}
            """,
            encoding="utf-8",
        )
        program = require_program("nginx", "nginx-light")
        wrapper = self.folder / "bin" / "nginx"
        wrapper.write_text(f'#!/bin/sh\nexec {program} -c {config} "$@"\n', encoding="utf-8")
        wrapper.chmod(0o755)

    # ------------------------------------------------------------------ the two containers

    def start_keeper(self, *options: str) -> None:
        self.start("keeper", *self.certificate("keep", *options))

    def start_nginx(self) -> None:
        """Start NGINX as its image does: the scripts of docker-entrypoint.d, then NGINX itself."""
        wait_for("the keeper is healthy", lambda: self.health().returncode == 0)
        self.start("nginx", "sh", "-c", f"{SCRIPTS / 'reload-nginx.sh'}; exec nginx")
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
        own = self.folder / "letsencrypt" / "own"
        own.mkdir(exist_ok=True)
        key_end = identity.pem().index(b"-----BEGIN CERTIFICATE")
        if chain:
            (own / "fullchain.pem").write_bytes(identity.pem()[key_end:])
        if key:
            (own / "privkey.pem").write_bytes(identity.pem()[:key_end])
        self.hand_over()

    # ------------------------------------------------------------------ what is to be seen

    def served(self) -> str:
        """Return the fingerprint that NGINX serves now, nothing while it does not answer."""
        try:
            pem = ssl.get_server_certificate(("127.0.0.1", self.https_port), timeout=5)
        except OSError:
            return ""
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()

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
