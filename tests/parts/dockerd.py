"""Real container engines, each in a folder of its own with one busybox image: here Docker's."""

from __future__ import annotations

import io
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import docker

from tests.parts.ports import free_port
from tests.parts.require import missing, require_program, require_root
from tests.parts.tls import Authority, Identity

IMAGE = "busy:1"
_BUSYBOX = Path("/bin/busybox")
_APPLETS = ("cat", "echo", "false", "kill", "sh", "sleep", "true")


class RealEngine:
    """A running engine; `client` is the Docker SDK's, for making containers."""

    def __init__(
        self, folder: Path, url: str, command: Sequence[str | Path], *, tcp_url: str = ""
    ) -> None:
        self.folder = folder
        self.url, self.tcp_url = url, tcp_url
        self.client = docker.DockerClient(base_url=url, version="1.41", timeout=60)
        self._command = command
        self.start()

    def start(self) -> None:
        """Start the engine and wait until it answers."""
        log = self.folder / "log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(self._command, stdout=output, stderr=output)
        deadline = time.monotonic() + 60
        while not self._answers():
            assert self._process.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < deadline, "the engine does not answer"
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the engine; its containers live on."""
        self._process.terminate()
        self._process.wait(30)

    def remove_containers(self) -> None:
        """Kill and remove every container."""
        for container in self.client.containers.list(all=True):
            container.remove(force=True)

    def _answers(self) -> bool:
        # Not by the SDK, which leaves a socket open whenever it cannot connect.
        with socket.socket(socket.AF_UNIX) as door:
            return door.connect_ex(self.url.removeprefix("unix://")) == 0


@contextmanager
def dockerd(authority: Authority | None = None) -> Iterator[RealEngine]:
    """Docker without bridge and firewall rules; stopped, and all it made removed, afterwards.

    It listens on its socket, and on a port where certificates of `authority` are demanded and shown.
    """
    authority = authority or Authority.create()
    identity = authority.issue(["127.0.0.1"])
    require_root("start a Docker engine")
    program = require_program("dockerd", "docker.io")
    with _folder("vsa-dockerd-") as folder:
        url = f"unix://{folder}/docker.sock"
        bare = ("--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false")
        own = ("--data-root", folder / "data", "--exec-root", folder / "exec")
        rest = ("--bridge=none", "--live-restore", "--pidfile", folder / "pid", "--host", url)
        tcp = f"tcp://127.0.0.1:{free_port()}"
        command: list[str | Path] = [
            program,
            *bare,
            *own,
            *rest,
            "--host",
            tcp,
            *_tls(folder, identity, authority),
        ]
        with running(RealEngine(folder, url, command, tcp_url=tcp)) as engine:
            yield engine


def _tls(folder: Path, identity: Identity, authority: Authority) -> list[str]:
    """Have the TCP door demand certificates of `authority`; the socket stays as it is."""
    (folder / "server.pem").write_bytes(identity.pem())
    ca = authority.bundle_path(folder)
    server = folder / "server.pem"
    return ["--tlsverify", f"--tlscacert={ca}", f"--tlscert={server}", f"--tlskey={server}"]


@contextmanager
def podman() -> Iterator[RealEngine]:
    """Podman's service of the Docker API; stopped, and all it made removed, afterwards."""
    require_root("start Podman with control groups")
    program = require_program("podman", "podman")
    with _folder("vsa-podman-") as folder:
        url = f"unix://{folder}/podman.sock"
        own = ("--root", folder / "root", "--runroot", folder / "run", "--tmpdir", folder / "tmp")
        ways = ("--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--events-backend=file")
        serve = ("system", "service", "--time=0", url)
        with running(RealEngine(folder, url, [program, *own, *ways, *serve])) as engine:
            yield engine


@contextmanager
def running(engine: RealEngine) -> Iterator[RealEngine]:
    """Import the image; in the end remove the containers and stop the engine."""
    try:
        engine.client.api.import_image_from_data(_image(), repository=IMAGE)
        yield engine
    finally:
        engine.remove_containers()
        engine.client.close()
        engine.stop()


@contextmanager
def _folder(prefix: str) -> Iterator[Path]:
    """A folder that is gone afterwards, with what an engine left mounted in it."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
        points = [line.split()[1] for line in mounts]
        for point in sorted((p for p in points if p.startswith(f"{folder}/")), reverse=True):
            subprocess.run(["umount", "--lazy", point], check=False)
        shutil.rmtree(folder)


def _image() -> bytes:
    """A root file system as `docker import` takes it: busybox and links to it."""
    if not _BUSYBOX.exists():
        missing("/bin/busybox (Debian package busybox-static)")
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.add(_BUSYBOX, "bin/busybox")
        for applet in _APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return file.getvalue()
