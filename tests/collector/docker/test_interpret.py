from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from collector.docker import wire
from collector.docker.interpret import container_facts, container_state, moment, row_facts
from registry.facts.containers import ContainerFacts, ContainerState, Health, Limits, Mount, Port

ID = "ab" * 32


def row(**fields: object) -> wire.Row:
    body = json.dumps([{"Id": ID, "Names": ["/web"], "State": "running", **fields}]).encode()
    return wire.decode(wire.ROWS, body, "row")[0]


def facts(
    state: dict[str, object], listed: wire.Row | None = None, **fields: object
) -> ContainerFacts:
    document = {"Id": ID, "Name": "/web", "State": state, "HostConfig": {}, "Config": {}, **fields}
    seen = wire.decode(wire.INSPECTION, json.dumps(document).encode(), "inspection")
    return container_facts(listed or row(), seen, dict)


def test_an_inspection_without_a_word_too_many_is_enough() -> None:
    assert facts({"Status": "running"}) == ContainerFacts(
        container_id=ID,
        name="web",
        image="",
        image_id="",
        state=ContainerState.RUNNING,
        restart_policy="",
    )


def test_the_image_is_named_as_it_was_written_then() -> None:
    """The list names a container's image by digest once its tag has moved on."""
    named = facts({}, row(Image="sha256:1234"), Config={"Image": "shop:1"})
    assert named.image == "shop:1"
    assert facts({}, row(Image="shop:1")).image == "shop:1"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("running", None),
        ("paused", None),
        ("created", None),
        ("exited", 3),
        ("restarting", 3),
        ("dead", 3),
    ],
)
def test_only_what_has_ended_has_an_exit_code(status: str, code: int | None) -> None:
    assert facts({"Status": status, "ExitCode": 3}).exit_code == code


def test_health_and_the_cause_of_an_end_are_taken_over() -> None:
    seen = facts({"OOMKilled": True, "Error": "no such file", "Health": {"Status": "unhealthy"}})
    assert (seen.health, seen.oom_killed, seen.error) == (Health.UNHEALTHY, True, "no such file")


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        ({"Name": "no", "MaximumRetryCount": 0}, "no"),
        ({"Name": "", "MaximumRetryCount": 0}, "no"),
        ({"Name": "always", "MaximumRetryCount": 0}, "always"),
        ({"Name": "on-failure", "MaximumRetryCount": 3}, "on-failure:3"),
    ],
)
def test_a_restart_policy_reads_as_docker_run_takes_it(policy: object, text: str) -> None:
    assert facts({}, HostConfig={"RestartPolicy": policy}).restart_policy == text


def test_limits_are_taken_over() -> None:
    host = {"Memory": 1, "MemoryReservation": 2, "MemorySwap": -1, "CpuShares": 4}
    host |= {"CpuQuota": 5, "CpuPeriod": 6, "NanoCpus": 7}
    assert facts({}, HostConfig=host).limits == Limits(1, 2, -1, 4, 5, 6, 7)


def test_the_order_of_ports_mounts_and_networks_changes_nothing() -> None:
    ports = [
        {"IP": "::", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"PrivatePort": 53, "Type": "udp"},
    ]
    mounts = [
        {"Type": "volume", "Name": "data", "Source": "/var", "Destination": "/y", "RW": True},
        {"Type": "bind", "Source": "/tmp", "Destination": "/x", "RW": False},
    ]
    networks = {"Networks": {"web": None, "back": {"EndpointID": "e"}}}
    seen = facts({}, row(Ports=ports), Mounts=mounts, NetworkSettings=networks)
    assert seen.ports == (Port(53, "udp"), Port(80, "tcp", 8080, "::"))
    assert seen.mounts == (
        Mount("bind", "/tmp", "/x", writable=False),
        Mount("volume", "/var", "/y", writable=True, name="data"),
    )
    assert seen.networks == ("back", "web")
    assert facts({}, row(Ports=ports[::-1]), Mounts=mounts[::-1], NetworkSettings=networks) == seen


def test_a_row_alone_tells_what_it_can() -> None:
    alone = row_facts(row(Names=["/other/alias", "/web"], Image="shop:1", Labels={"a": "b"}), dict)
    assert (alone.name, alone.image, alone.state) == ("web", "shop:1", ContainerState.RUNNING)
    assert alone.labels == {"a": "b"}


def test_nulls_of_podman_are_nothing() -> None:
    bare = row(Names=None, Labels=None, Ports=None, Mounts=None, NetworkSettings={"Networks": None})
    alone = row_facts(bare, dict)
    assert (alone.name, alone.labels, alone.ports, alone.networks) == ("", {}, (), ())


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("configured", "created"),
        ("initialized", "created"),
        ("stopped", "exited"),
        ("stopping", "running"),
    ],
)
def test_podmans_states_are_named_as_dockers(word: str, state: str) -> None:
    assert container_state(word, running=False) == state


def test_a_state_of_the_future_is_judged_by_whether_it_runs() -> None:
    assert container_state("dreaming", running=True) is ContainerState.RUNNING
    assert container_state("dreaming", running=False) is ContainerState.EXITED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T00:51:25.534523999Z", datetime(2026, 11, 23, 0, 51, 25, 534523, UTC)),
        ("2026-11-23T02:51:25+02:00", datetime(2026, 11, 23, 0, 51, 25, 0, UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("", None),
        ("yesterday", None),
    ],
)
def test_moments_are_read_in_utc_and_never_is_none(text: str, expected: datetime | None) -> None:
    assert moment(text) == expected
