"""Whether the database is the one that this version was written for."""

from __future__ import annotations

import asyncio

from registry.migrate import pending
from registry.session import Engine


class Readiness:
    """Asks whether every migration is there; a yes is remembered, for no process outlives its code.

    One question at a time: strangers may ask, and each costs a connection and a thread.
    """

    def __init__(self, engine: Engine) -> None:
        self._url = engine.url.render_as_string(hide_password=False)
        self._asking = asyncio.Lock()
        self._migrated = False

    async def is_migrated(self) -> bool:
        """Say whether the database has every migration of this version."""
        async with self._asking:
            if not self._migrated:
                self._migrated = not await asyncio.to_thread(pending, self._url)
        return self._migrated
