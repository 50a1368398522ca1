"""From an engine's documents to facts of the engine and its containers: no clock, no network."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from collector.docker import wire
from collector.docker.failures import tidy
from registry.facts.containers import ContainerFacts, ContainerState, Health, Limits, Mount, Port
from registry.facts.nodes import EngineFacts, SwarmRole

# Podman's own words, beside those that it shares with Docker.
_STATES = {state.value: state for state in ContainerState} | {
    "configured": ContainerState.CREATED,
    "initialized": ContainerState.CREATED,
    "stopping": ContainerState.RUNNING,
    "stopped": ContainerState.EXITED,
}
_HEALTHS = {health.value: health for health in Health}
_ENDED = {ContainerState.EXITED, ContainerState.DEAD, ContainerState.RESTARTING}
_NEVER = "0001-"
_MOST_WARNINGS = 20

Labels = dict[str, str]

# ---------------------------------------------------------------------------- the engine


def engine_facts(version: wire.Version, info: wire.Info) -> EngineFacts:
    """Join what `GET /version` and `GET /info` say."""
    return EngineFacts(
        engine_id=info.id,
        hostname=info.name,
        version=version.version,
        api_version=version.api_version,
        operating_system=info.operating_system,
        architecture=info.architecture,
        kernel_version=info.kernel_version,
        storage_driver=info.driver,
        cgroup_version=info.cgroup_version,
        cpus=info.cpus,
        memory_bytes=info.memory_bytes,
        warnings=tuple([tidy(warning) for warning in (info.warnings or ())[:_MOST_WARNINGS]]),
        swarm_role=_swarm_role(info.swarm),
    )


def _swarm_role(swarm: wire.Swarm | None) -> SwarmRole:
    if swarm is None or swarm.local_node_state != "active":
        return SwarmRole.NONE
    return SwarmRole.MANAGER if swarm.control_available else SwarmRole.WORKER


# ---------------------------------------------------------------------------- containers


def container_facts(
    row: wire.Row, seen: wire.Inspection, keep: Callable[[Labels], Labels]
) -> ContainerFacts:
    """Join a container's list row and its inspection; where both tell, the inspection is newer.

    `keep` returns those labels that are allowed.
    """
    state = container_state(seen.state.status, running=seen.state.running)
    host = seen.host_config
    return ContainerFacts(
        container_id=row.id,
        name=seen.name.removeprefix("/"),
        image=seen.config.image or row.image,
        image_id=seen.image or row.image_id,
        state=state,
        health=_health(seen.state.health),
        exit_code=seen.state.exit_code if state in _ENDED else None,
        oom_killed=seen.state.oom_killed,
        error=seen.state.error,
        restart_count=seen.restart_count,
        restart_policy=_restart_policy(host.restart_policy),
        created_at=moment(seen.created),
        started_at=moment(seen.state.started_at),
        finished_at=moment(seen.state.finished_at),
        labels=keep(seen.config.labels or {}),
        ports=_ports(row.ports or ()),
        mounts=_mounts(seen.mounts or ()),
        networks=_networks(seen.network_settings),
        limits=_limits(host),
        health_output=_health_output(seen.state.health),
    )


def row_facts(row: wire.Row, keep: Callable[[Labels], Labels]) -> ContainerFacts:
    """Say what a list row alone tells, for a container that the engine cannot inspect."""
    names = row.names or [""]
    return ContainerFacts(
        container_id=row.id,
        name=min(names, key=len).removeprefix("/"),  # a longer one is a link: "/other/alias"
        image=row.image,
        image_id=row.image_id,
        state=container_state(row.state, running=False),
        health=_health(row.health),
        labels=keep(row.labels or {}),
        ports=_ports(row.ports or ()),
        mounts=_mounts(row.mounts or ()),
        networks=_networks(row.network_settings),
    )


def container_state(word: str, *, running: bool) -> ContainerState:
    """Name a state; a word that is not known yet is judged by whether the container runs."""
    known = _STATES.get(word)
    if known is None:
        return ContainerState.RUNNING if running else ContainerState.EXITED
    return known


def moment(text: str) -> datetime | None:
    """Read an RFC 3339 time, cut to microseconds, in UTC; None where it means never."""
    if not text or text.startswith(_NEVER):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _health(row: wire.HealthRow | wire.Health | None) -> Health:
    return _HEALTHS.get(row.status, Health.NONE) if row else Health.NONE


def _health_output(health: wire.Health | None) -> str | None:
    """Return what the last check said where it failed; what a good one says is of no use."""
    if health is None or not health.log or _health(health) is not Health.UNHEALTHY:
        return None
    return tidy(health.log[-1].output)


def _restart_policy(policy: wire.RestartPolicy | None) -> str:
    """Write a policy as `docker run --restart` reads it: "on-failure:3"."""
    if policy is None:
        return ""
    tries = policy.maximum_retry_count
    return f"{policy.name}:{tries}" if tries else policy.name or "no"


# The engine lists ports, mounts and networks in the order of a Go map, which is none.


def _ports(rows: Iterable[wire.PortRow]) -> tuple[Port, ...]:
    ports = [Port(row.private_port, row.type, row.public_port, row.ip or None) for row in rows]
    return tuple(sorted(ports, key=_port_order))


def _port_order(port: Port) -> tuple[int, str, int, str]:
    return port.private_port, port.protocol, port.public_port or 0, port.address or ""


def _mounts(rows: Iterable[wire.MountRow]) -> tuple[Mount, ...]:
    mounts = [
        Mount(row.type, row.source, row.destination, row.rw, row.name or None) for row in rows
    ]
    return tuple(sorted(mounts, key=lambda mount: mount.destination))


def _networks(settings: wire.Networks | None) -> tuple[str, ...]:
    return tuple(sorted(settings.networks or ())) if settings else ()


def _limits(host: wire.HostConfig) -> Limits:
    return Limits(
        memory_bytes=host.memory,
        memory_reservation_bytes=host.memory_reservation,
        memory_swap_bytes=host.memory_swap,
        cpu_shares=host.cpu_shares,
        cpu_quota=host.cpu_quota,
        cpu_period=host.cpu_period,
        nano_cpus=host.nano_cpus,
    )
