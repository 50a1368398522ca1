"""What a check of a node found on its way: each step, how long it took, and where the way ended."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckStep:
    """One step: reaching the host, TLS or SSH, or all calls of one kind, `calls` of them.

    `detail` is what was seen there; `ok` is False for the step at which the way ended.
    """

    name: str
    seconds: float
    detail: str = ""
    calls: int = 1
    received_bytes: int = 0
    ok: bool = True


@dataclass(frozen=True, slots=True)
class NodeCheck:
    """The steps of one scrape down fresh connections that forgets what is known, in their order."""

    steps: tuple[CheckStep, ...]
