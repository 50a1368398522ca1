"""Stand-in engines in a process of their own: `python -m tests.end_to_end.engines FOLDER NAME…`.

Each NAME.sock behaves as the first word of its name says: a mischief of tests.parts.engine for the
list of containers (hang, trickle, garbage …), `restless` (a container dies and returns five
times a second), or `good`.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

from tests.end_to_end.house import ROOT, wait_for
from tests.parts.engine import (
    StandIn,
    break_off,
    endless,
    garbage,
    half_close,
    hang,
    hang_up,
    saying,
    serving,
    trickle,
)
from tests.parts.engine_world import World
from tests.parts.postgres import short_folder

MISCHIEF = {
    "hang": hang,
    "trickle": trickle,
    "garbage": garbage,
    "endless": endless,
    "leave": hang_up,
    "break": break_off,
    "half": half_close,
    "cut": saying(b'[{"Id": "ab'),
    "wrong": saying(b'[{"Id": 5}]'),
    "refuse": saying(b'{"message":"no"}', "403 Forbidden"),
}
CONTAINERS = 5


@contextmanager
def engines(*names: str) -> Iterator[dict[str, str]]:
    """Run the engines; yields the URL of each name."""
    with short_folder("vsa-engines-") as folder:
        command = [sys.executable, "-m", "tests.end_to_end.engines", str(folder), *names]
        with subprocess.Popen(command, cwd=ROOT) as process:
            sockets = {name: folder / f"{name}.sock" for name in names}
            wait_for("the engines listen", lambda: all(map(Path.exists, sockets.values())))
            yield {name: f"unix://{path}" for name, path in sockets.items()}
            process.kill()


def _make(name: str) -> StandIn:
    engine, behaviour = StandIn(World()), name.partition("-")[0]
    engine.recording = False
    for number in range(CONTAINERS):
        engine.world.run(f"web-{number}", restart_policy="always")
    if behaviour in MISCHIEF:
        engine.mischief["list"] = MISCHIEF[behaviour]
    return engine


async def main(folder: Path, names: list[str]) -> None:
    """Serve until killed."""
    made = {name: _make(name) for name in names}
    restless = [engine for name, engine in made.items() if name.startswith("restless")]
    async with AsyncExitStack() as stack:
        for name, engine in made.items():
            await stack.enter_async_context(serving(engine, folder / f"{name}.sock"))
        while True:
            for engine in restless:
                engine.world.die(next(iter(engine.world.boxes.values())), 1)
            await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
