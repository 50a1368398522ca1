"""The eight duties of an alert: threshold, for, severity, summary, description, runbook, two tests."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from exporter import fleet_page
from exporter.families.fleet import FLEET
from exporter.families.node import NODE
from exporter.text import CONTENT_TYPE
from tests.end_to_end.house import wait_for
from tests.exporter.things import EVERYTHING
from tests.parts.prometheus import prometheus, promtool
from tests.prometheus.conftest import SHIPPED

ALERTS = (
    "VsaAlertmanagerUnreachable",
    "VsaAlertsNotDelivered",
    "VsaCertificateBad",
    "VsaCertificateExpired",
    "VsaCertificateExpiring",
    "VsaCertificateIssuerChanged",
    "VsaCertificateNotReloaded",
    "VsaCertificateRenewalOverdue",
    "VsaCertificatesDisagree",
    "VsaChainExpiring",
    "VsaCollectorDown",
    "VsaContainerOOM",
    "VsaContainerRestarting",
    "VsaContainerUnhealthy",
    "VsaDomainAddressUnreachable",
    "VsaDomainUnreachable",
    "VsaNodeDuplicateEngine",
    "VsaKnownCertificateExpiring",
    "VsaNodePageMissing",
    "VsaNodeUnreachable",
    "VsaRuleFailing",
)
SECTIONS = ("**Meaning.**", "**Check.**", "**Act.**")
RUNBOOK = SHIPPED.parent / "docs" / "runbook.md"
TESTS = sorted((SHIPPED / "tests").glob("*.yml"))
_CASE = re.compile(r"alertname: (\w+)\n +eval_time: \S+\n +exp_alerts:( \[\])?\n")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as Prometheus has it; `alert` is empty where it records."""

    alert: str
    query: str
    labels: dict[str, str]
    annotations: dict[str, str]


@contextmanager
def serving(page: str) -> Iterator[str]:
    """Serve a page as the exporter does; yields where."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def rules_of(url: str) -> list[Rule]:
    groups = httpx.get(f"{url}/api/v1/rules").json()["data"]["groups"]
    return [
        Rule(
            rule["name"] if rule["type"] == "alerting" else "",
            rule["query"],
            rule.get("labels", {}),
            rule.get("annotations", {}),
        )
        for group in groups
        for rule in group["rules"]
    ]


@pytest.fixture
def rules(shipped: Path) -> list[Rule]:
    config = (shipped / "prometheus.yml").read_text(encoding="utf-8")
    with prometheus(config, shipped) as server:
        return rules_of(server.url)


def test_the_alerts_are_these_and_each_has_its_texts(rules: list[Rule]) -> None:
    alerts = [rule for rule in rules if rule.alert]
    assert {rule.alert for rule in alerts} == set(ALERTS)
    for rule in alerts:
        assert rule.labels["severity"]
        assert rule.annotations["summary"]
        assert rule.annotations["description"]
        assert rule.annotations["runbook_url"] == f"docs/runbook.md#{rule.alert.lower()}"


def used_by(rules: list[Rule]) -> set[str]:
    """The metrics that rules ask for; what they record themselves has colons around."""
    asked = (re.sub(r"\w+:\w+:\w+", "", rule.query) for rule in rules)
    return {
        name
        for query in asked
        for name in re.findall(r"\b(?:vsa|container|machine)_[a-z0-9_]+", query)
    }


def test_a_rule_uses_only_metrics_that_are_declared(rules: list[Rule]) -> None:
    assert used_by(rules)
    assert used_by(rules) <= {family.name for family in (*FLEET, *NODE)}


def test_what_the_rules_ask_of_the_fleet_is_in_a_real_scrape(shipped: Path) -> None:
    config = (shipped / "prometheus.yml").read_text(encoding="utf-8").replace("15s", "1s")
    page = fleet_page.render(EVERYTHING)
    with serving(page) as address:
        config = config.replace("exporter:9477", address)
        with prometheus(config, shipped) as server:
            wait_for("the page", lambda: server.query('up{job="vsa"} == 1'))
            scraped = {labels["__name__"] for labels, _ in server.query('{job="vsa"}')}
            success = server.query('probe_success{instance="shop.example:443"}')
            rules = rules_of(server.url)
    assert used_by(rules) - {family.name for family in NODE} <= scraped
    assert [value for _, value in success] == [1]


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_how_long_it_must_hold(alert: str) -> None:
    texts = "".join(file.read_text(encoding="utf-8") for file in (SHIPPED / "rules").iterdir())
    blocks = re.findall(rf"- alert: {alert}\n(.*?)annotations:", texts, re.DOTALL)
    assert blocks
    assert all(re.search(r"^ +for: \d+[smhd]$", block, re.MULTILINE) for block in blocks)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_tested_firing_and_silent(alert: str) -> None:
    cases = [case for file in TESTS for case in _CASE.findall(file.read_text(encoding="utf-8"))]
    assert {silent for name, silent in cases if name == alert} == {"", " []"}


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_its_section_in_the_runbook(alert: str) -> None:
    parts = RUNBOOK.read_text(encoding="utf-8").split(f"\n## {alert}\n")
    assert len(parts) == 2
    section = parts[1].partition("\n## ")[0]
    assert [mark for mark in SECTIONS if section.count(mark) == 1] == list(SECTIONS)


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_the_rules_behave_as_their_tests_say(file: Path) -> None:
    judgement = promtool("test", "rules", file)
    assert judgement.passed, judgement.text


def test_promtool_is_content_with_every_rule() -> None:
    judgement = promtool("check", "rules", *sorted((SHIPPED / "rules").glob("*.yml")))
    assert judgement.passed, judgement.text
