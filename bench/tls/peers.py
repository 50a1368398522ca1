"""Debian's prometheus-blackbox-exporter with one module that asks for TLS."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.parts.ports import free_port, wait_for_port

_MODULE = """
modules:
  tls:
    prober: tcp
    timeout: 5s
    tcp:
      tls: true
      tls_config: {{ca_file: {bundle}, server_name: {server_name!r}}}
"""


@dataclass(frozen=True, slots=True)
class Running:
    """An exporter that runs."""

    address: str
    pid: int


@contextmanager
def blackbox(folder: Path, bundle: Path, server_name: str = "") -> Iterator[Running | None]:
    """Run the exporter; it yields None, and says so, where it is not installed.

    Without a server name it asks for the target's own.
    """
    program = shutil.which("prometheus-blackbox-exporter")
    if not program:
        print("left out: prometheus-blackbox-exporter is not installed", file=sys.stderr)
        yield None
        return
    config = folder / "blackbox.yml"
    config.write_text(_MODULE.format(bundle=bundle, server_name=server_name))
    port = free_port()
    command = [program, f"--config.file={config}", "--log.level=error"]
    command += [f"--web.listen-address=127.0.0.1:{port}"]
    with subprocess.Popen(command) as process:
        wait_for_port(port)
        try:
            yield Running(f"127.0.0.1:{port}", process.pid)
        finally:
            process.kill()
