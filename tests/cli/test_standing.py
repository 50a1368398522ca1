from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec
import pytest

from cli import standing
from cli.answers import Container, Domain, DomainState, Node, NodeState
from registry.facts.containers import ContainerState, Health
from registry.facts.outcomes import Failure, FailureReason

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LONG_AGO = AT - timedelta(days=1)
REFUSED = Failure(FailureReason.REFUSED, "nobody listens")
StructT = TypeVar("StructT", bound=msgspec.Struct)


def but(struct: StructT, **changes: object) -> StructT:
    return msgspec.structs.replace(struct, **changes)


SEEN = NodeState(AT, AT, None, 0, None, {})
NODE = Node("n", "unix:///x", {}, True, "15s", LONG_AGO, SEEN)
CONTAINER = Container(
    node="n",
    name="c",
    image="i",
    state=ContainerState.RUNNING,
    health=Health.NONE,
    exit_code=None,
    oom_killed=False,
    restart_count=0,
    started_at=LONG_AGO,
    finished_at=None,
    seen_from=LONG_AGO,
)
DOMAIN = Domain(
    1,
    "d",
    443,
    "none",
    None,
    None,
    None,
    {},
    True,
    None,
    LONG_AGO,
    DomainState(AT, AT, None, 0, []),
)


@pytest.mark.parametrize(
    ("node", "word", "is_well"),
    [
        (NODE, "up", True),
        (but(NODE, enabled=False), "disabled", True),
        (but(NODE, state=but(SEEN, failure=REFUSED)), "refused", False),
        (
            but(NODE, state=but(SEEN, last_attempt_at=AT - timedelta(seconds=61))),
            "not asked",
            False,
        ),
        (but(NODE, state=but(SEEN, last_attempt_at=AT - timedelta(seconds=59))), "up", True),
        (but(NODE, state=but(SEEN, last_attempt_at=None)), "not asked yet", False),
        (but(NODE, created_at=AT, state=but(SEEN, last_attempt_at=None)), "not asked yet", True),
    ],
)
def test_a_node_stands_as_its_last_scrape_went(node: Node, word: str, is_well: bool) -> None:
    stands = standing.of_node(node, AT)
    assert (stands.word, stands.is_well) == (word, is_well)


def test_a_slow_node_has_three_intervals() -> None:
    state = but(SEEN, last_attempt_at=AT - timedelta(seconds=300))
    assert standing.is_seen(but(NODE, interval="2m", state=state), AT)
    assert standing.is_seen(but(NODE, interval=None, state=state), AT)
    assert not standing.is_seen(but(NODE, interval="30s", state=state), AT)


EXITED = but(CONTAINER, state=ContainerState.EXITED, finished_at=AT)


@pytest.mark.parametrize(
    ("container", "word", "is_well"),
    [
        (CONTAINER, "running", True),
        (but(CONTAINER, health=Health.UNHEALTHY), "unhealthy", False),
        (but(CONTAINER, health=Health.STARTING), "running", True),
        (but(CONTAINER, state=ContainerState.RESTARTING), "restarting", False),
        (but(CONTAINER, state=ContainerState.DEAD), "dead", False),
        (but(CONTAINER, state=ContainerState.PAUSED), "paused", True),
        (but(EXITED, exit_code=0), "exited 0", True),
        (but(EXITED, exit_code=143), "exited 143", True),
        (but(EXITED, exit_code=3), "exited 3", False),
        (but(EXITED, exit_code=137, oom_killed=True), "exited 137", False),
    ],
)
def test_a_container_stands_as_it_was_seen(container: Container, word: str, is_well: bool) -> None:
    stands = standing.of_container(container, is_current=True)
    assert (stands.word, stands.is_well) == (word, is_well)


def test_a_container_of_a_node_that_is_not_seen_is_unknown() -> None:
    stands = standing.of_container(CONTAINER, is_current=False)
    assert (stands.word, stands.detail) == ("unknown", "was running")


@pytest.mark.parametrize(
    ("domain", "word"),
    [
        (but(DOMAIN, enabled=False), "disabled"),
        (but(DOMAIN, state=DomainState(None, None, None, 0, [])), "not asked yet"),
        (but(DOMAIN, state=DomainState(AT, None, REFUSED, 1, [])), "refused"),
    ],
)
def test_a_domain_stands_by_itself_where_its_addresses_cannot_tell(
    domain: Domain, word: str
) -> None:
    stands = standing.of_domain(domain, AT)
    assert stands
    assert stands.word == word


def test_else_its_addresses_tell() -> None:
    assert standing.of_domain(DOMAIN, AT) is None


def test_a_node_whose_engine_has_another_name_too_is_up_and_says_so() -> None:
    stands = standing.of_node(but(NODE, state=but(SEEN, same_engine_as=["web-2", "web-3"])), AT)
    assert (stands.word, stands.is_well) == ("up", True)
    assert stands.detail == "the same engine as web-2, web-3"


def test_an_unhealthy_container_says_what_its_check_said() -> None:
    sick = but(CONTAINER, health=Health.UNHEALTHY, health_output="curl: (7) refused")
    assert standing.of_container(sick, is_current=True).detail == "curl: (7) refused"
    mute = but(CONTAINER, health=Health.UNHEALTHY)
    assert standing.of_container(mute, is_current=True).detail == ""
