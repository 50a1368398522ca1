"""The product's image: the shipped Dockerfile, unchanged, on a Debian that stands in for its base.

The base is made of Debian's packages under the base image's name, and the locked wheels are served
from here, so that nothing of the machine's own package settings gets into the build.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.checkout import ROOT
from tests.parts.dockerd import RealEngine
from tests.parts.require import missing, require_program

BASE = "python:3.13.12-slim-trixie"
IMAGE = "vsa-dashboard:test"
LOCKS = ("compose/requirements.lock", "compose/build.lock")
# What Debian's engine comes with; another on the PATH may lack its builder.
_DOCKER = Path("/usr/bin/docker")
_PYTHON = "3.13"
_PACKAGES = "ca-certificates,passwd,python3,python3-venv"
_NEEDLESS = ("doc", "info", "locale", "man")


class Docker:
    """The command line of one engine, without the settings of whoever runs the tests."""

    def __init__(self, engine: RealEngine) -> None:
        if not _DOCKER.exists():
            missing("/usr/bin/docker (Debian package docker.io)")
        self.url = engine.url
        own = {"DOCKER_CONFIG": str(engine.folder / "config"), "DOCKER_BUILDKIT": "1"}
        self._environment = {**os.environ, **own}

    def __call__(self, *arguments: str | Path) -> str:
        """Run a command and return what it printed; one that fails tells why."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"docker {arguments[0]}: {done.stderr[-3000:]}"
        return done.stdout.strip()

    def run(
        self, *arguments: str | Path, stdin: int | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, whatever that is."""
        return subprocess.run(
            [_DOCKER, "--host", self.url, *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )


def build_image(docker: Docker, folder: Path, **arguments: str) -> None:
    """Build the Dockerfile as it stands; `arguments` are its own."""
    _import_base(docker)
    given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    proxies = [f"--build-arg={name}" for name in os.environ if name.lower().endswith("_proxy")]
    with _package_index(_wheels(folder)) as url:
        settings = folder / "pip.conf"
        settings.write_text(f"[global]\nno-index = true\nfind-links = {url}\n", encoding="ascii")
        secret = f"--secret=id=pip,src={settings}"
        ways = ["--network=host", secret, f"--tag={IMAGE}", f"--file={ROOT}/compose/Dockerfile"]
        docker("build", *ways, *given, *proxies, ROOT)


def _import_base(docker: Docker) -> None:
    """Import a Debian with Python under the name of the base image."""
    program = require_program("mmdebstrap", "mmdebstrap")
    lean: list[str | Path] = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _NEEDLESS]
    lean += ["--quiet", "--variant=apt", "--dpkgopt=force-unsafe-io"]
    command = [program, *lean, f"--include={_PACKAGES}", "trixie"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as made:
        assert made.stdout
        imported = docker.run("import", "-", BASE, stdin=made.stdout.fileno())
    assert (made.returncode, imported.returncode) == (0, 0), imported.stderr


def _wheels(folder: Path) -> Path:
    """Fetch what the locks name, for the Python and the C library of the base."""
    place = folder / "wheels"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--only-binary=:all:", f"--python-version={_PYTHON}", f"--dest={place}"]
    for version in ("2014", "_2_17", "_2_28", "_2_34"):
        command.append(f"--platform=manylinux{version}_{platform.machine()}")
    for lock in LOCKS:
        command += ["--requirement", str(ROOT / lock)]
    subprocess.run(command, check=True, timeout=400, stderr=subprocess.DEVNULL)
    return place


@contextmanager
def _package_index(folder: Path) -> Iterator[str]:
    """Serve the wheels in `folder`; yields their page's URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_: object) -> None:
        """Keep the tests' output for the tests."""
