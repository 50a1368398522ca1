"""Facts that are learned rarely: of the engine, of images, of health checks, of labels."""

from __future__ import annotations

import time

import pytest

from registry.facts.containers import Health
from registry.facts.nodes import SwarmRole
from tests.collector.docker.labs import Asker
from tests.parts.engine import StandIn, hang_up, kind_of, saying

OTHER_IMAGE = "sha256:" + "12" * 32
DIGEST, OTHER_DIGEST = "sha256:" + "cd" * 32, "sha256:" + "34" * 32


def asked(engine: StandIn, kind: str) -> int:
    """How many questions of a kind were asked since the last look."""
    count = sum(kind_of(request.removeprefix("GET ")) == kind for request in engine.requests)
    engine.requests.clear()
    return count


# ---------------------------------------------------------------------------- the engine


@pytest.mark.parametrize(
    ("state", "control", "role"),
    [
        ("inactive", False, SwarmRole.NONE),
        ("pending", False, SwarmRole.NONE),
        ("locked", False, SwarmRole.NONE),
        ("active", False, SwarmRole.WORKER),
        ("active", True, SwarmRole.MANAGER),
    ],
)
async def test_the_engine_tells_its_part_in_a_swarm(
    asker: Asker, stand_in: StandIn, state: str, control: bool, role: SwarmRole
) -> None:
    stand_in.world.swarm = {"LocalNodeState": state, "ControlAvailable": control}
    assert (await asker.facts()).engine.swarm_role is role


async def test_warnings_are_kept_one_line_each_and_not_without_end(
    asker: Asker, stand_in: StandIn
) -> None:
    stand_in.world.warnings = ["WARNING: No swap\nlimit support", "x" * 5000] * 1000
    warnings = (await asker.facts()).engine.warnings
    assert warnings[0] == "WARNING: No swap limit support"
    assert (len(warnings), len(warnings[1])) == (20, 300)


# ---------------------------------------------------------------------------- images


async def test_the_digest_is_the_registrys_and_asked_once(asker: Asker, stand_in: StandIn) -> None:
    stand_in.world.run("web")
    assert (await asker.container("web")).image_digest == DIGEST
    stand_in.world.run("db")
    assert (await asker.container("db")).image_digest == DIGEST
    assert asked(stand_in, "images") == 1


async def test_a_node_without_containers_is_not_asked_for_images(
    asker: Asker, stand_in: StandIn
) -> None:
    await asker.facts()
    await asker.facts()
    assert asked(stand_in, "images") == 0


async def test_a_new_image_is_asked_for_once_a_minute(
    asker: Asker, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = stand_in.world.run("web")
    await asker.facts()
    stand_in.world.digests[OTHER_IMAGE] = [f"busy@{OTHER_DIGEST}"]
    stand_in.world.change(web, image_id=OTHER_IMAGE, labels={"release": "2"})
    assert (await asker.container("web")).image_digest is None
    assert asked(stand_in, "images") == 1
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 61)
    assert (await asker.container("web")).image_digest == OTHER_DIGEST
    assert (await asker.container("web")).image_digest == OTHER_DIGEST
    assert asked(stand_in, "images") == 1


async def test_a_digest_that_came_later_shows_within_the_hour(
    asker: Asker, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image is built, runs, and is pushed then."""
    stand_in.world.digests.clear()
    stand_in.world.run("web")
    before = await asker.container("web")
    assert before.image_digest is None
    assert await asker.container("web") is before
    stand_in.world.digests[before.image_id] = [f"busy@{DIGEST}"]
    stand_in.world.change(next(iter(stand_in.world.boxes.values())))
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 3601)
    assert (await asker.container("web")).image_digest == DIGEST


@pytest.mark.parametrize(
    "misdeed",
    [saying(b'{"message": "not on the list"}', "403 Forbidden"), saying(b"[1]"), hang_up],
    ids=["forbidden", "unreadable", "hung up"],
)
async def test_an_engine_that_does_not_tell_its_images_is_scraped_and_left_in_peace(
    asker: Asker, stand_in: StandIn, misdeed: object
) -> None:
    stand_in.world.run("web")
    stand_in.mischief = {"images": misdeed}  # type: ignore[dict-item]
    assert (await asker.container("web")).image_digest is None
    stand_in.requests.clear()
    assert len((await asker.facts()).samples) == 1
    assert asked(stand_in, "images") == 0


# ---------------------------------------------------------------------------- health


async def test_the_output_of_a_failed_check_is_that_of_the_change(
    asker: Asker, stand_in: StandIn
) -> None:
    web = stand_in.world.run("web", health="healthy", health_output="200 in 3 ms")
    assert (await asker.container("web")).health_output is None
    stand_in.world.change(web, health="unhealthy", health_output="curl: (7)\n  refused")
    sick = await asker.container("web")
    assert (sick.health, sick.health_output) == (Health.UNHEALTHY, "curl: (7) refused")
    stand_in.world.change(web, health_output="curl: (28) timed out", labels={"a": "b"})
    assert (await asker.container("web")).health_output == "curl: (7) refused"
    stand_in.world.change(web, health="healthy", health_output="200 in 4 ms")
    assert (await asker.container("web")).health_output is None


async def test_the_output_is_bounded(asker: Asker, stand_in: StandIn) -> None:
    stand_in.world.run("web", health="unhealthy", health_output="\x1b[31m" + "x" * 4096)
    output = (await asker.container("web")).health_output
    assert output
    assert len(output) == 300
    assert output.isprintable()


# ---------------------------------------------------------------------------- labels


async def test_only_allowed_labels_leave_the_probe(stand_in: StandIn) -> None:
    labels = {"com.docker.compose.project": "shop", "traefik.auth": "admin:hash"}
    box = stand_in.world.run("web", labels=labels)
    asker = Asker(stand_in.url, labels=("com.docker.compose.*",))
    assert (await asker.container("web")).labels == {"com.docker.compose.project": "shop"}
    stand_in.mischief = {"inspect": saying(b"{}", "500 Internal Server Error")}
    stand_in.world.tell(box, "update")
    facts = await asker.facts()
    assert facts.containers[0].labels == {"com.docker.compose.project": "shop"}
    assert "hash" not in repr(facts)
    await asker.close()
