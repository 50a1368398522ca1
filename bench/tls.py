"""CPU of one TLS probe: a full TLS 1.3 handshake, chain of two, verdict, parse; beside its peers.

    python -m bench.tls [--probes 1000] [--runs 5]

Each peer asks the same local server in the same run: `openssl s_time -verify` and Debian's
prometheus-blackbox-exporter. Peers that are not installed are left out by name.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop

from bench.measure import (
    Row,
    children_cpu,
    children_peak_mib,
    median_ms,
    own_cpu,
    peak_mib,
    print_rows,
    process_cpu,
)
from collector.tls.probe import TlsProbe
from registry.facts.domains import DomainFacts, DomainQuestion, StartTls, Verdict

_IN_FLIGHT = 4
_BLACKBOX_MODULE = """
modules:
  tls:
    prober: tcp
    timeout: 5s
    tcp:
      tls: true
      tls_config: {{ca_file: {bundle}, server_name: bench.test}}
"""


def main() -> int:
    """Measure ours and each peer against one server, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--probes", type=int, default=1000, help="probes a run")
    parser.add_argument("--runs", type=int, default=5, help="runs, of which the median counts")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, _server(Path(folder)) as port:
        bundle = Path(folder) / "ca.pem"
        rows = [_measure_ours(bundle, port, options.probes, options.runs)]
        rows += _measure_s_time(bundle, port, options.runs)
        rows += _measure_blackbox(Path(folder), bundle, port, options.probes, options.runs)
    print_rows("One TLS probe, TLS 1.3, P-256 chain of two, saturated", rows)
    return 0


# ---------------------------------------------------------------------------- the server


@contextmanager
def _server(folder: Path) -> Iterator[int]:
    """Run `openssl s_server` in its own process with a leaf under an intermediate under a root."""
    _make_chain(folder)
    port = free_port()
    command = ["openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-tls1_3"]
    command += ["-cert", "leaf.pem", "-key", "leaf.key", "-cert_chain", "middle.pem"]
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        wait_for_port(port)
        yield port
        process.kill()


def _make_chain(folder: Path) -> None:
    (folder / "ca.ext").write_text(
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
    )
    (folder / "leaf.ext").write_text("subjectAltName=DNS:bench.test\nbasicConstraints=CA:FALSE\n")
    _certificate(folder, "ca", "ca.ext", None)
    _certificate(folder, "middle", "ca.ext", "ca")
    _certificate(folder, "leaf", "leaf.ext", "middle")


def _certificate(folder: Path, name: str, extensions: str, issuer: str | None) -> None:
    key = f"openssl ecparam -name prime256v1 -genkey -noout -out {name}.key"
    request = f"openssl req -new -key {name}.key -subj /CN={name}.bench.test -out {name}.csr"
    signer = f"-CA {issuer}.pem -CAkey {issuer}.key" if issuer else f"-signkey {name}.key"
    sign = (
        f"openssl x509 -req -in {name}.csr {signer} -days 30 -extfile {extensions} -out {name}.pem"
    )
    for command in (key, request, sign):
        subprocess.run(command.split(), cwd=folder, check=True, stderr=subprocess.DEVNULL)


def free_port() -> int:
    """Return a TCP port of the loopback that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def wait_for_port(port: int, seconds: float = 10) -> None:
    """Return when something listens on the port; TimeoutError when nothing does in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError(f"nothing listens on port {port}")


# ---------------------------------------------------------------------------- ours


def _measure_ours(bundle: Path, port: int, probes: int, runs: int) -> Row:
    async def measure() -> list[float]:
        probe = TlsProbe(trust_bundle=bundle, refuse=lambda _address: None, clock=time.time)
        question = DomainQuestion(1, "127.0.0.1", port, StartTls.NONE, "bench.test", 5.0)
        await _ask(probe, question, 50)
        seconds = [await _ask(probe, question, probes) for _ in range(runs)]
        await probe.close()
        return seconds

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        seconds = runner.run(measure())
    return Row("vsa collector", median_ms(s / probes for s in seconds), peak_mib())


async def _ask(probe: TlsProbe, question: DomainQuestion, probes: int) -> float:
    """Ask `probes` times, a few in flight; return the CPU seconds of this process."""

    async def ask_some() -> None:
        for _ in range(probes // _IN_FLIGHT):
            outcome = await probe.ask(question)
            assert isinstance(outcome, DomainFacts), outcome
            facts = outcome.endpoints[0].facts
            assert facts is not None, outcome.endpoints[0]
            assert facts.verdict is Verdict.OK, facts.faults

    before = own_cpu()
    await asyncio.gather(*(ask_some() for _ in range(_IN_FLIGHT)))
    return own_cpu() - before


# ---------------------------------------------------------------------------- the peers


def _measure_s_time(bundle: Path, port: int, runs: int) -> list[Row]:
    """`openssl s_time` tells its own CPU seconds: "N connections in X.XXs" of user time."""
    command = ["openssl", "s_time", "-connect", f"127.0.0.1:{port}", "-new", "-time", "3"]
    command += ["-verify", "3", "-CAfile", str(bundle)]
    costs = []
    for _ in range(runs):
        before = children_cpu()
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        match = re.search(r"^(\d+) connections in", done.stdout, re.MULTILINE)
        assert match, done.stdout
        costs.append((children_cpu() - before) / int(match[1]))
    return [Row("openssl s_time -verify", median_ms(costs), children_peak_mib())]


def _measure_blackbox(folder: Path, bundle: Path, port: int, probes: int, runs: int) -> list[Row]:
    program = shutil.which("prometheus-blackbox-exporter")
    if not program:
        print("left out: prometheus-blackbox-exporter is not installed", file=sys.stderr)
        return []
    (folder / "blackbox.yml").write_text(_BLACKBOX_MODULE.format(bundle=bundle))
    listen = free_port()
    url = f"http://127.0.0.1:{listen}/probe?module=tls&target=127.0.0.1:{port}"
    command = [program, f"--config.file={folder}/blackbox.yml"]
    command += [f"--web.listen-address=127.0.0.1:{listen}", "--log.level=error"]
    with subprocess.Popen(command) as process:
        wait_for_port(listen)
        costs = []
        for _ in range(runs):
            before = process_cpu(process.pid)
            for _ in range(probes):
                with urllib.request.urlopen(url) as answer:
                    assert b"probe_success 1" in answer.read()
            costs.append((process_cpu(process.pid) - before) / probes)
        row = Row("prometheus-blackbox-exporter", median_ms(costs), peak_mib(process.pid))
        process.kill()
    return [row]


if __name__ == "__main__":
    sys.exit(main())
