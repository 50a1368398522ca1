"""Whether the database is one on which this version runs."""

from __future__ import annotations

import asyncio

from registry.revisions import Schema, read_schema
from registry.session import Engine


class Readiness:
    """Asks for the tables' revision; a yes is remembered, for no process outlives its code.

    One question at a time: strangers may ask, and each costs a connection.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._asking = asyncio.Lock()
        self._migrated = False

    async def is_migrated(self) -> bool:
        """Say whether this version may work on the tables."""
        async with self._asking:
            if not self._migrated:
                self._migrated = (await self.schema()).runs
        return self._migrated

    async def schema(self) -> Schema:
        """Read how the tables stand to this version."""
        async with self._engine.connect() as connection:
            return await connection.run_sync(read_schema)
