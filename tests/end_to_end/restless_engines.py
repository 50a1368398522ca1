"""Stand-in engines whose containers die and return: `python -m tests.end_to_end.restless_engines SOCKET…`."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from tests.parts.engine import StandIn, serving
from tests.parts.engine_world import World


async def main() -> None:
    """Serve each socket; let one container of each engine die five times a second."""
    engines = [StandIn(World()) for _ in sys.argv[1:]]
    async with AsyncExitStack() as stack:
        for engine, path in zip(engines, sys.argv[1:], strict=True):
            engine.recording = False
            boxes = [engine.world.run(f"web-{n}", restart_policy="always") for n in range(5)]
            await stack.enter_async_context(serving(engine, Path(path)))
            assert boxes
        while True:
            for engine in engines:
                engine.world.die(next(iter(engine.world.boxes.values())), 1)
            await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(main())
