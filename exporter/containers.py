"""What is known of a node's containers until something changes: labels, state, health, limits.

Values as cAdvisor gives them (metrics/prometheus.go), from what the Docker API tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from exporter.families import node as f
from exporter.text import Page, label_text, stamp, unix
from registry.facts.containers import ContainerFacts, ContainerState, Health, Limits
from registry.facts.nodes import EngineFacts

_INVALID_IN_NAME = re.compile(r"[^a-zA-Z0-9_]")
_WITH_CGROUP = frozenset({ContainerState.RUNNING, ContainerState.PAUSED})
_HEALTH_STATE = {Health.HEALTHY: 1, Health.STARTING: 0, Health.UNHEALTHY: 0, Health.NONE: -1}

# What the engine uses where HostConfig says 0.
_DEFAULT_PERIOD = 100_000
_DEFAULT_SHARES = 1024


@dataclass(frozen=True, slots=True)
class Containers:
    """The kept text of one node's containers.

    `labels` holds, by id, those with a cgroup, `names` their names; `limited` the ids of those with
    a CPU quota.
    """

    page: Page
    labels: Mapping[str, str]
    names: Mapping[str, str]
    limited: frozenset[str]

    def render(self, seen: float, ooms: Mapping[str, int]) -> Iterator[str]:
        """Give the lines as of `seen`, Unix seconds; `ooms` counts, by name, ends of memory."""
        at = stamp(seen)
        yield from self.page.render(at)
        if self.labels:
            yield f.LAST_SEEN.header
            opening, value = f"{f.LAST_SEEN.name}{{", int(seen)
            yield from [f"{opening}{text}}} {value}{at}\n" for text in self.labels.values()]
            yield f.OOM_EVENTS.header
            opening, names = f"{f.OOM_EVENTS.name}{{", self.names
            yield from [
                f"{opening}{text}}} {ooms.get(names[key], 0)}{at}\n"
                for key, text in self.labels.items()
            ]


def describe(engine: EngineFacts | None, containers: Sequence[ContainerFacts]) -> Containers:
    """Make the text that stays until the node's version changes."""
    page = Page(f.NODE)
    if engine:
        page.add(f.MACHINE_CORES, "", engine.cpus)
        page.add(f.MACHINE_MEMORY, "", engine.memory_bytes)
    labels, names = {}, {}
    for container in containers:
        text = container_labels(container)
        _add_state(page, text, container)
        if container.state in _WITH_CGROUP:
            _add_as_cadvisor(page, text, container)
            labels[container.container_id] = text
            names[container.container_id] = container.name
    limited = frozenset(c.container_id for c in containers if _cpu_quota(c.limits))
    return Containers(page, labels, names, limited)


def container_labels(container: ContainerFacts) -> str:
    """Write cAdvisor's labels; of names that are one after cleaning, the alphabetically first stays."""
    labels = {
        "id": f"/docker/{container.container_id}",
        "name": container.name,
        "image": container.image,
    }
    for name, value in sorted(container.labels.items()):
        labels.setdefault(f"container_label_{_INVALID_IN_NAME.sub('_', name)}", value)
    return label_text(**labels)


def _add_state(page: Page, labels: str, container: ContainerFacts) -> None:
    page.add_one_hot(f.CONTAINER_STATE, labels, ContainerState, container.state)
    page.add(f.CONTAINER_RESTARTS, labels, container.restart_count)
    page.add(f.CONTAINER_EXIT_CODE, labels, container.exit_code)
    image = label_text(image_id=container.image_id, image_digest=container.image_digest)
    page.add(f.CONTAINER_IMAGE, labels, 1, f",{image}" if image else "")
    page.add_one_hot(f.STATE_STATUS, labels, ContainerState, container.state)
    if container.health is Health.NONE:
        page.add(f.STATE_HEALTH, labels, 1, f',status="{Health.NONE}"')
    else:
        page.add_one_hot(f.STATE_HEALTH, labels, Health, container.health)
    page.add(f.STATE_OOM, labels, container.oom_killed)
    page.add(f.STATE_STARTED, labels, unix(container.started_at) or 0)
    page.add(f.STATE_FINISHED, labels, unix(container.finished_at) or 0)
    page.add(f.RESTART_COUNT, labels, container.restart_count)


def _add_as_cadvisor(page: Page, labels: str, container: ContainerFacts) -> None:
    if container.health is not Health.NONE:
        page.add_one_hot(f.CONTAINER_HEALTH, labels, Health, container.health)
    page.add(f.HEALTH_STATE, labels, _HEALTH_STATE[container.health])
    page.add(f.START_TIME, labels, unix(container.started_at or container.created_at))
    page.add(f.CREATION_TIME, labels, unix(container.created_at))
    limits = container.limits
    page.add(f.SPEC_CPU_PERIOD, labels, limits.cpu_period or _DEFAULT_PERIOD)
    page.add(f.SPEC_CPU_QUOTA, labels, _cpu_quota(limits))
    page.add(f.SPEC_CPU_SHARES, labels, limits.cpu_shares or _DEFAULT_SHARES)
    # The API says -1 for "unlimited", cAdvisor 0.
    page.add(f.SPEC_MEMORY, labels, max(limits.memory_bytes, 0))
    page.add(f.SPEC_SWAP, labels, max(limits.memory_swap_bytes, 0))
    page.add(f.SPEC_RESERVATION, labels, max(limits.memory_reservation_bytes, 0))


def _cpu_quota(limits: Limits) -> int | None:
    """Microseconds of CPU a period, whichever way the limit was set; None without one."""
    if limits.nano_cpus > 0:
        return limits.nano_cpus * (limits.cpu_period or _DEFAULT_PERIOD) // 1_000_000_000
    return limits.cpu_quota if limits.cpu_quota > 0 else None
