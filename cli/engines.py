"""What an engine says of itself, as `vsa node show` has it."""

from __future__ import annotations

from datetime import UTC, datetime

from cli.answers import NodeState
from cli.words import ago, count, plain
from registry.facts.nodes import DiskUsage, EngineFacts, SwarmRole

Pairs = list[tuple[str, str]]


def engine_pairs(state: NodeState, at: datetime) -> Pairs:
    """Return names with their values; nothing is said of an engine that was never seen."""
    if state.engine is None:
        return []
    return [*_of_engine(state.engine), ("disk", _disk(state.disk, at) if state.disk else "")]


def _of_engine(engine: EngineFacts) -> Pairs:
    member = engine.swarm_role is not SwarmRole.NONE
    return [
        ("engine", f"{engine.version}, API {engine.api_version}"),
        ("system", f"{engine.operating_system}, {engine.architecture}"),
        ("machine", f"{count(engine.cpus, 'CPU')}, {_gib(engine.memory_bytes)}"),
        ("swarm", engine.swarm_role if member else ""),
        *(("warning", plain(warning)) for warning in engine.warnings),
    ]


def _disk(disk: DiskUsage, at: datetime) -> str:
    """Say what fills the disk, or why that is not known."""
    if disk.failure:
        return f"{disk.failure.reason}: {plain(disk.failure.detail)}"
    used = ", ".join(f"{kind} {_gib(use.total_bytes)}" for kind, use in disk.uses.items())
    idle = _gib(sum(use.reclaimable_bytes for use in disk.uses.values()))
    measured = datetime.fromtimestamp(disk.measured_at, UTC)
    return f"{used}; nobody uses {idle} of it ({ago(measured, at)})".replace("_", " ")


def _gib(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB"
