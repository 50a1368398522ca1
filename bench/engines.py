"""A fleet of stand-in engines in a process of its own, which notes when each was asked for its list.

    python -m bench.engines FOLDER --nodes 1000 --over-tls 100 --containers 20

Prints one JSON object, name to URL, when all listen. SIGTERM ends it; then it prints another, name
to the Unix times at which the node was asked. Engines that go over TLS want a client certificate of
the authority in FOLDER/server.pem, which is their own key and chain too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import uvloop

from tests.parts.engine import StandIn, serving, serving_tls
from tests.parts.engine_world import World


class Fleet:
    """Engines that run: `urls` by name, and after `stop` the times at which each was asked."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid
        self.urls: Mapping[str, str] = json.loads(self._read())

    def stop(self) -> dict[str, list[float]]:
        """End the engines and return their notes."""
        self._process.terminate()
        notes: dict[str, list[float]] = json.loads(self._read())
        return notes

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@contextmanager
def fleet(folder: Path, *, nodes: int, over_tls: int, containers: int) -> Iterator[Fleet]:
    """Run a fleet of stand-ins until the block ends."""
    command = [sys.executable, "-m", "bench.engines", str(folder), "--nodes", str(nodes)]
    command += ["--over-tls", str(over_tls), "--containers", str(containers)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Fleet(process)
        finally:
            process.kill()


class _Noting(StandIn):
    """An engine whose answers are rendered once, and which notes when its list was asked for."""

    def __init__(self, name: str, containers: int) -> None:
        super().__init__(World())
        self.recording = False
        self.asked: list[float] = []
        self.world.engine_id = name
        for number in range(containers):
            self.world.run(f"web-{number}", labels={"com.docker.compose.project": "shop"})

    def answer(self, path: str) -> bytes:
        if path.endswith("/containers/json?all=1"):
            self.asked.append(time.time())
        return super().answer(path)


async def _serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    engines = {f"n{n:04}": _Noting(f"n{n:04}", options.containers) for n in range(options.nodes)}
    context = _context(options.folder / "server.pem") if options.over_tls else None
    async with AsyncExitStack() as stack:
        for number, (name, engine) in enumerate(engines.items()):
            if context and number < options.over_tls:
                await stack.enter_async_context(serving_tls(engine, context))
            else:
                path = options.folder / f"{name}.sock"
                await stack.enter_async_context(serving(engine, path))
        print(json.dumps({name: engine.url for name, engine in engines.items()}), flush=True)
        await stop.wait()
        print(json.dumps({name: engine.asked for name, engine in engines.items()}), flush=True)


def _context(file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    context.load_verify_locations(file)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--nodes", type=int, required=True)
    parser.add_argument("--over-tls", type=int, default=0, help="how many of them")
    parser.add_argument("--containers", type=int, default=20, help="containers of each")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(options))


if __name__ == "__main__":
    main()
