"""The programs of `vsa up` as its children: started, started again when they die, ended."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from cli.output import WARN, note

# Longer than a program takes to finish what is in flight.
_END_SECONDS = 12
_LONGEST_PAUSE = 30.0
# One that lived for so long did not die of its start.
_SOUND_SECONDS = 60.0


@contextmanager
def lifeline() -> Iterator[int]:
    """Make a pipe whose read end the children hold: its end of file tells them that we are gone.

    Nobody else has the write end (it is not inherited), so a kill -9 closes it too.
    """
    read_end, write_end = os.pipe()
    try:
        yield read_end
    finally:
        os.close(write_end)
        os.close(read_end)


class Child:
    """One program; `exit_code` is how it ended last, None before it ever did."""

    def __init__(self, name: str, lifeline: int, *, verbose: bool) -> None:
        self.name = name
        self.exit_code: int | None = None
        self._lifeline = lifeline
        # -P: a folder named `cli` where the person stands is not ours.
        self._command = [sys.executable, "-P", "-m", "cli.main", name, "--supervised"]
        self._command += ["--verbose"] if verbose else []

    async def keep(self) -> None:
        """Run it for ever: when it dies, say so and start it again, each time a little later."""
        pause = 1.0
        while True:
            started = time.monotonic()
            self.exit_code = await self._run()
            if time.monotonic() - started > _SOUND_SECONDS:
                pause = 1.0
            note(f"{self.name} {_how(self.exit_code)}; starting it again in {pause:g} s", WARN)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _run(self) -> int:
        # A session of its own: Ctrl-C reaches us alone, and we end the children in order.
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=self._lifeline, start_new_session=True
            )
        except OSError as error:  # too many processes, no memory: it may pass
            note(f"cannot start {self.name}: {error.strerror}", WARN)
            return os.EX_OSERR
        try:
            return await process.wait()
        except asyncio.CancelledError:
            await _end(process)
            raise


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _END_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


def _how(code: int) -> str:
    return f"ended with code {code}" if code >= 0 else f"was killed by signal {-code}"
