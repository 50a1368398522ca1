"""Runs a coroutine to its end on uvloop, as every program here does."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

import uvloop

ResultT = TypeVar("ResultT")


def run(work: Coroutine[None, None, ResultT]) -> ResultT:
    """Run `work` and return its result."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
