"""Every PromQL expression of every dashboard: a real Prometheus takes it, and what it names exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from exporter.families.fleet import FLEET
from exporter.families.node import NODE
from tests.parts.grafana import dashboards, panels
from tests.parts.prometheus import Prometheus, prometheus

ROOT = Path(__file__).parents[2]
# Where an expression stands, the expression, and its legend.
ASKED = [
    (
        f"{board['uid']} {panel['title']} {target['refId']}",
        target["expr"],
        target.get("legendFormat", ""),
    )
    for board in dashboards()
    for panel in panels(board)
    for target in panel.get("targets") or ()
    if target["datasource"]["type"] == "prometheus"
]
SPANS = {"__rate_interval": "1m", "__interval": "15s", "__range": "3h"}
SELECTOR = re.compile(
    r"\b(?:(?:vsa|container|machine|alertmanager)_\w+|ALERTS\w*|\w+:[\w:]+)(?:\{[^}]*\})?"
)
# What Prometheus adds to a scraped series, and what its alerts and Alertmanager show of themselves.
ADDED = {"instance", "job", "node"}
THEIRS = {
    "ALERTS": {"alertname", "alertstate", "severity"},
    "ALERTS_FOR_STATE": {"alertname", "severity"},
    "alertmanager_integrations": set[str](),
    "alertmanager_notifications_total": {"integration"},
    "alertmanager_notifications_failed_total": {"integration"},
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Prometheus]:
    with prometheus("global: {}\n", tmp_path) as running:
        yield running


def expand(expression: str) -> str:
    """Put in what Grafana puts in: spans of time, and any name for a choice."""
    spans = re.sub(r"\$(__\w+)", lambda found: SPANS[found[1]], expression)
    return re.sub(r"\$\w+", "web-1", spans)


def test_prometheus_takes_every_expression(server: Prometheus) -> None:
    for place, expression, _ in ASKED:
        answer = httpx.get(f"{server.url}/api/v1/query", params={"query": expand(expression)})
        assert answer.json()["status"] == "success", f"{place}: {answer.text}"


def test_every_metric_is_shown_by_somebody_with_the_labels_it_is_selected_by() -> None:
    known = {family.name: {*family.labels} for family in (*FLEET, *NODE)} | THEIRS
    known |= {name: set() for name in recorded()}
    for place, expression, _ in ASKED:
        for metric, labels in selectors(expression):
            assert metric in known, f"{place}: nobody shows {metric}"
            assert labels <= known[metric] | ADDED, f"{place}: {metric} has no such label"


def selectors(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Yield each metric of an expression and the labels it is selected by."""
    for selector in SELECTOR.findall(re.sub(r'"[^"]*"', '""', expression)):
        metric, _, matchers = selector.partition("{")
        yield metric, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))


def recorded() -> Iterator[str]:
    """Yield the series that our own rules record."""
    for file in (ROOT / "prometheus" / "rules").glob("*.yml"):
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]:
            yield from (rule["record"] for rule in group["rules"] if "record" in rule)


def test_every_expression_asks_for_something() -> None:
    assert not [place for place, expression, _ in ASKED if not list(selectors(expression))]


def test_a_legend_names_no_label_that_was_summed_away() -> None:
    for place, expression, legend in ASKED:
        grouped = re.findall(r"\bby\s*\(([^)]*)\)", expression)
        left = {label.strip() for labels in grouped for label in labels.split(",")}
        named = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", legend))
        assert not grouped or named <= left, place


def test_no_counter_is_shown_as_it_stands() -> None:
    """A counter's height says how long it has counted; where it is only asked whether it is there, `and`."""
    within = re.compile(r"(?:\b(?:rate|increase)\(|\band\s+)\w+_total")
    bare = [place for place, expression, _ in ASKED if "_total" in within.sub("", expression)]
    assert not bare
