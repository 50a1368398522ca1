"""Service discovery: Prometheus finds the page of every enabled node here (http_sd)."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from api.context import Context, Shared, Tx
from registry.durations import format_duration
from registry.nodes import Node, list_nodes

router = APIRouter(prefix="/sd", tags=["discovery"])

_PAGE = 500
# Prometheus' own default. It asks the exporter, not the node, so a node's time-out is not meant.
_SCRAPE_TIMEOUT_SECONDS = 10.0


class TargetGroup(BaseModel):
    """One node, as Prometheus' http_sd_config reads it."""

    targets: list[str]
    labels: dict[str, str]


@router.get("/nodes")
async def discover_nodes(context: Shared, tx: Tx) -> list[TargetGroup]:
    """List every enabled node's metrics page as a target of its own."""
    groups: list[TargetGroup] = []
    cursor: str | None = None
    while True:
        page = await list_nodes(tx, limit=_PAGE, cursor=cursor, enabled=True)
        groups += [_group(node, context) for node in page.items]
        cursor = page.next
        if cursor is None:
            return groups


def _group(node: Node, context: Context) -> TargetGroup:
    interval = node.interval_seconds or context.settings.scrape_interval
    labels = {
        "instance": node.name,
        "node": node.name,
        "__metrics_path__": f"/metrics/nodes/{node.name}",
        "__scrape_interval__": format_duration(interval),
        "__scrape_timeout__": format_duration(min(interval, _SCRAPE_TIMEOUT_SECONDS)),
    }
    labels |= {f"__meta_vsa_label_{key}": value for key, value in node.labels.items()}
    return TargetGroup(targets=[str(context.settings.advertised_exporter)], labels=labels)
