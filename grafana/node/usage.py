"""What the containers of a node use: CPU, memory, network, disks, and their limits."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as sdk

from grafana import page, style
from grafana.node.choice import OF_CHOSEN, OF_NODE
from grafana.page import band
from grafana.panels import bars, chart
from grafana.queries import now, per_second, series


def section() -> page.Section:
    """Make the section."""
    return page.section(
        "What they use",
        band(9, _cpu(), _memory()),
        band(8, _received(), _sent(), _read(), _written()),
        band(8, _memory_limits(), _throttling(), _disk()),
    )


def _busiest(used: str, counter: str) -> str:
    """Keep the fifteen containers that used most in the whole time range; a chart of all is unreadable."""
    return f"({used}) and on (name) topk(15, sum by (name) ({counter}))"


def _rates(counter: str) -> str:
    selected = f"{counter}{OF_CHOSEN}"
    used = f"sum by (name) ({per_second(selected)})"
    return _busiest(used, f"rate({selected}[$__range] @ end())")


def _cpu() -> sdk.Panel:
    return chart(
        "CPU",
        "Cores that each container uses; the fifteen that used most in this time range.",
        series(_rates("container_cpu_usage_seconds_total"), "{{name}}"),
        unit=style.CORES,
        stacked=True,
    )


def _memory() -> sdk.Panel:
    used = f"container_memory_working_set_bytes{OF_CHOSEN}"
    return chart(
        "Memory",
        "Memory that each container holds, without what the kernel can drop at once; the fifteen that held"
        " most in this time range. One that only ever rises leaks.",
        series(
            _busiest(f"sum by (name) ({used})", f"avg_over_time({used}[$__range] @ end())"),
            "{{name}}",
        ),
        unit=style.BYTES,
        stacked=True,
    )


def _received() -> sdk.Panel:
    return _flow(
        "Received", "network_receive", "Bytes that each container received over its networks."
    )


def _sent() -> sdk.Panel:
    return _flow("Sent", "network_transmit", "Bytes that each container sent over its networks.")


def _read() -> sdk.Panel:
    return _flow("Read", "fs_reads", "Bytes that each container read from block devices.")


def _written() -> sdk.Panel:
    return _flow("Written", "fs_writes", "Bytes that each container wrote to block devices.")


def _flow(title: str, what: str, meaning: str) -> sdk.Panel:
    return chart(
        title,
        f"{meaning} The fifteen with most in this time range.",
        series(_rates(f"container_{what}_bytes_total"), "{{name}}"),
        unit=style.BYTES_PER_SECOND,
        no_value="No container has such numbers in this time range",
    )


def _memory_limits() -> sdk.Panel:
    return bars(
        "Memory, share of the limit",
        "Containers with a memory limit, the fullest first. At 100 % the kernel kills a process in it.",
        now(
            f"""
            sort_desc(topk(10, max by (name) (
                container_memory_working_set_bytes{OF_CHOSEN}
                / (container_spec_memory_limit_bytes{OF_CHOSEN} > 0)
            )))
            """,
            "{{name}}",
        ),
        unit=style.PERCENT,
        steps=style.FILLING,
        maximum=1,
        no_value="No container has a memory limit",
    )


def _throttling() -> sdk.Panel:
    throttled = per_second(f"container_cpu_cfs_throttled_periods_total{OF_CHOSEN}")
    periods = per_second(f"container_cpu_cfs_periods_total{OF_CHOSEN}")
    return chart(
        "CPU quota, share of time held back",
        "How often a container with a CPU quota had used it up and had to wait. Much of it makes answers"
        " slow while the node's CPU looks idle: raise the quota.",
        series(f"sum by (name) ({throttled}) / (sum by (name) ({periods}) > 0)", "{{name}}"),
        unit=style.PERCENT,
        maximum=1,
        no_value="No container has a CPU quota",
    )


def _disk() -> sdk.Panel:
    return bars(
        "What fills its disk",
        "What the engine keeps, by kind, and how much of it nobody uses: `docker system prune` on the node gives"
        " that back. Measured every VSA_DISK_USAGE_INTERVAL.",
        now(f"sort_desc(vsa_node_disk_usage_bytes{OF_NODE})", "{{kind}}"),
        now(f"sort_desc(vsa_node_disk_reclaimable_bytes{OF_NODE} > 0)", "{{kind}}, unused"),
        unit=style.BYTES,
        no_value="Not measured: VSA_DISK_USAGE_INTERVAL is not set, or nothing was measured yet",
    )
