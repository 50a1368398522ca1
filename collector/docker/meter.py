"""CPU time of a coroutine: what its thread used while it ran, not while it waited."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from functools import partial
from time import thread_time
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Meter:
    """Counts the CPU seconds of what is run through it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @coroutine
    def run(self, work: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
        """Await `work`, counting each of its steps."""
        step = partial(work.send, None)
        while True:
            began = thread_time()
            try:
                waited_for = step()
            except StopIteration as done:
                result: T = done.value
                return result
            finally:
                self.seconds += thread_time() - began
            try:
                step = partial(work.send, (yield waited_for))
            except BaseException as error:  # noqa: BLE001 - a cancellation goes where it was meant to
                step = partial(work.throw, error)
