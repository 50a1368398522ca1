from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cli.answers import NodeState
from cli.engines import engine_pairs
from registry.facts.nodes import DiskKind, DiskUsage, DiskUse, EngineFacts, SwarmRole
from registry.facts.outcomes import Failure, FailureReason

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ENGINE = EngineFacts(
    *("id", "host", "29.0", "1.52", "Debian 13", "x86_64", "6.12", "overlay2", "2"), 2, 8 << 30
)


def shown(engine: EngineFacts | None = ENGINE, disk: DiskUsage | None = None) -> dict[str, str]:
    state = NodeState(AT, AT, None, 0, engine, {}, disk=disk)
    return {name: value for name, value in engine_pairs(state, AT) if value}


def test_an_engine_says_what_it_is_and_nothing_of_what_it_is_not() -> None:
    assert shown() == {
        "engine": "29.0, API 1.52",
        "system": "Debian 13, x86_64",
        "machine": "2 CPUs, 8.0 GiB",
    }
    assert shown(None) == {}


def test_its_swarm_role_and_its_warnings_are_shown() -> None:
    told = ("WARNING: \x1b[31mNo swap limit",)
    engine = EngineFacts(
        *("id", "host", "29.0", "1.52", "Debian 13", "x86_64", "6.12", "overlay2", "2"),
        *(2, 8 << 30, told, SwarmRole.WORKER),
    )
    assert shown(engine)["swarm"] == "worker"
    assert "\x1b" not in shown(engine)["warning"]


def test_a_disk_is_summed_up() -> None:
    uses = {
        DiskKind.IMAGES: DiskUse(5, 2, 3 << 30, 1 << 30),
        DiskKind.BUILD_CACHE: DiskUse(5, 0, 1 << 30, 1 << 30),
    }
    disk = DiskUsage((AT - timedelta(hours=3)).timestamp(), uses)
    said = "images 3.0 GiB, build cache 1.0 GiB; nobody uses 2.0 GiB of it (3 h ago)"
    assert shown(disk=disk)["disk"] == said


def test_a_disk_that_is_not_known_says_why() -> None:
    disk = DiskUsage(failure=Failure(FailureReason.FORBIDDEN, "not on its list"))
    assert shown(disk=disk)["disk"] == "forbidden: not on its list"
