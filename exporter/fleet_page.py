"""`/metrics`: the programs, the fleet, domains and certificates; a pure view of a `Fleet`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime

from prometheus_client import REGISTRY, generate_latest

from exporter import domains
from exporter.families import fleet as f
from exporter.text import Page, label_text, unix
from registry.collectors import CollectorStatus
from registry.events import DEATH
from registry.facts.containers import ContainerState
from registry.facts.nodes import DiskUsage
from registry.facts.outcomes import Failure, FailureReason
from registry.fleet import EventCount, Fleet, NodeStatus, is_fresh
from registry.ticks import stale_after
from registry.version import __version__


def render(fleet: Fleet) -> str:
    """Write the page, with this process's own metrics at its end. What is disabled is left out."""
    page = Page(f.FLEET)
    _add_programs(page, fleet)
    nodes = {node.name: node for node in fleet.nodes if node.enabled}
    for node in nodes.values():
        _add_node(page, node, fleet.now)
    _add_duplicates(page, nodes.values())
    for count in fleet.event_counts:
        _add_events(page, count)
    for gaps in fleet.gap_counts:
        if gaps.node in nodes:
            page.add(f.NODE_GAPS, label_text(node=gaps.node, kind=gaps.kind), gaps.total)
    domains.add(page, fleet)
    return "".join(page.render()) + generate_latest(REGISTRY).decode()


def _add_programs(page: Page, fleet: Fleet) -> None:
    page.add(f.BUILD_INFO, label_text(version=__version__), 1)
    for collector in fleet.collectors:
        _add_collector(page, collector)
    page.add(f.OVERDUE_TARGETS, "", fleet.overdue_targets)
    page.add(f.LATENESS, "", fleet.oldest_overdue_seconds)
    page.add(f.AUDIT_HEAD, label_text(hash=fleet.head.hash), 1)
    page.add(f.AUDIT_ENTRIES, "", fleet.head.last_id)


def _add_collector(page: Page, collector: CollectorStatus) -> None:
    instance = collector.instance
    labels = label_text(collector=instance)
    page.add(f.COLLECTOR_INFO, label_text(collector=instance, version=collector.version), 1)
    page.add(f.COLLECTOR_HEARTBEAT, labels, unix(collector.last_seen_at))
    page.add(f.COLLECTOR_START_TIME, labels, unix(collector.started_at))
    page.add(f.COLLECTOR_PROBES, labels, collector.probes_total)
    page.add(f.COLLECTOR_FAILURES, labels, collector.failures_total)
    page.add(f.COLLECTOR_DISCARDED, labels, collector.discarded_total)
    page.add(f.COLLECTOR_CPU, labels, collector.cpu_seconds_total)
    page.add(f.COLLECTOR_MEMORY, labels, collector.resident_memory_bytes)


def _reason(failure: Failure | None) -> FailureReason | None:
    return failure.reason if failure else None


# ---------------------------------------------------------------------------- nodes


def _add_node(page: Page, node: NodeStatus, now: datetime) -> None:
    labels = label_text(node=node.name)
    page.add(f.NODE_UP, labels, _up(node, now))
    page.add_one_hot(f.NODE_FAILURE, labels, FailureReason, _reason(node.failure))
    page.add(f.NODE_LAST_SUCCESS, labels, unix(node.last_success_at))
    page.add(f.NODE_CONSECUTIVE_FAILURES, labels, node.consecutive_failures)
    page.add(f.NODE_SCRAPES, labels, node.scrapes_total)
    page.add(f.NODE_SCRAPE_FAILURES, labels, node.failures_total)
    _add_cost(page, labels, node)
    _add_engine(page, node)
    _add_disk(page, labels, node.disk)
    _add_certificates(page, labels, node)
    if is_fresh(node, now):
        for state in ContainerState:
            count = node.containers.get(state, 0)
            page.add(f.NODE_CONTAINERS, labels, count, f',state="{state}"')


def _up(node: NodeStatus, now: datetime) -> bool | None:
    """Say whether a node is up; None for one that was just registered and is not asked yet."""
    age = (now - node.created_at).total_seconds()
    if node.last_attempt_at is None and age < stale_after(node.interval_seconds):
        return None
    return node.failure is None and is_fresh(node, now)


def _add_duplicates(page: Page, nodes: Collection[NodeStatus]) -> None:
    known = {node.name: node.engine.engine_id for node in nodes if node.engine}
    number = Counter(known.values())
    for name, engine_id in known.items():
        page.add(f.NODE_DUPLICATE, label_text(node=name), bool(engine_id) and number[engine_id] > 1)


def _add_events(page: Page, count: EventCount) -> None:
    if count.event.startswith(DEATH):
        exit_class = count.event.removeprefix(DEATH)
        labels = label_text(node=count.node, name=count.name, exit=exit_class)
        page.add(f.CONTAINER_DEATHS, labels, count.total)
    else:
        labels = label_text(node=count.node, name=count.name, event=count.event)
        page.add(f.CONTAINER_EVENTS, labels, count.total)


def _add_disk(page: Page, labels: str, disk: DiskUsage | None) -> None:
    if disk is None or not disk.uses:
        return
    page.add(f.NODE_DISK_TIME, labels, disk.measured_at)
    for kind, use in disk.uses.items():
        page.add(f.NODE_DISK_USAGE, labels, use.total_bytes, f',kind="{kind}"')
        page.add(f.NODE_DISK_RECLAIMABLE, labels, use.reclaimable_bytes, f',kind="{kind}"')
        page.add(f.NODE_DISK_OBJECTS, labels, use.count, f',kind="{kind}"')


def _add_cost(page: Page, labels: str, node: NodeStatus) -> None:
    if node.cost is None:
        return
    page.add(f.NODE_SCRAPE_REQUESTS, labels, node.cost.requests)
    page.add(f.NODE_SCRAPE_BYTES, labels, node.cost.received_bytes)
    page.add(f.NODE_SCRAPE_CPU, labels, node.cost.cpu_seconds)
    for phase, seconds in node.cost.phase_seconds.items():
        page.add(f.NODE_SCRAPE_PHASE, label_text(node=node.name, phase=phase), seconds)


def _add_engine(page: Page, node: NodeStatus) -> None:
    if engine := node.engine:
        labels = label_text(
            node=node.name,
            version=engine.version,
            api_version=engine.api_version,
            operating_system=engine.operating_system,
            kernel_version=engine.kernel_version,
            architecture=engine.architecture,
            storage_driver=engine.storage_driver,
            cgroup_version=engine.cgroup_version,
            swarm_role=engine.swarm_role,
        )
        page.add(f.NODE_ENGINE, labels, 1)
        page.add(f.NODE_WARNINGS, label_text(node=node.name), len(engine.warnings))


def _add_certificates(page: Page, labels: str, node: NodeStatus) -> None:
    """Add the certificates at both ends of the connection, where it has them."""
    for end, dates in (("server", node.certificate), ("client", node.client_certificate)):
        if dates:
            more = f',end="{end}"'
            page.add(f.NODE_CERTIFICATE_NOT_BEFORE, labels, unix(dates.not_before), more)
            page.add(f.NODE_CERTIFICATE_NOT_AFTER, labels, unix(dates.not_after), more)
