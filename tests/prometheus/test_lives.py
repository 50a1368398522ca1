"""Certificates of every lifetime in use, through two renewals: silent while renewed, told in time when not.

An hour is a step. Nothing but the rules is under test: the series are what a page would show.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.parts.prometheus import promtool
from tests.prometheus.conftest import SHIPPED

HOUR, DAY = 3600, 24
AT = 'domain="shop.example",address="192.0.2.1",port="443"'
DOMAIN = 'domain="shop.example",port="443"'
NODE = 'node="web-1",end="server"'
FIRING = 'ALERTS{alertstate="firing"}'
# A job that looks twice a day, as short lives want it, or once.
LIVES = {6: 11, 45: 20, 90: 20, 200: 20, 398: 20}


@dataclass(frozen=True, slots=True)
class Served:
    """A certificate and the hours at which it was issued, first served, ended; served until `until`."""

    name: str
    issued: int
    since: int
    ends: int
    until: int

    @property
    def life(self) -> int:
        return self.ends - self.issued


def lives(days: int, reload: int = 0) -> list[Served]:
    """Three certificates: each is issued by the first job after a third of the former's life is left.

    The server is reloaded `reload` hours later. The third is never renewed: hours end two days after it.
    """
    life, late = days * DAY, LIVES[days]
    step = life * 2 // 3 + late
    return [
        Served(
            f"fp{number}",
            number * step,
            number * step + (reload if number else 0),
            number * step + life,
            (number + 1) * step + reload if number < 2 else 2 * step + life + 2 * DAY,
        )
        for number in range(3)
    ]


def only_while(served: Served, value: str) -> str:
    """Write a series that is there while the certificate is served, and stale from then on."""
    before = f"_x{served.since - 1} " if served.since else ""
    return f"{before}{value}x{served.until - served.since - 1} stale"


def series_of(served: Served) -> list[dict[str, str]]:
    labels = f'{{{AT},fingerprint_sha256="{served.name}"}}'
    left = (served.ends - served.since) / served.life
    return [
        {"series": f"vsa_certificate_{name}{labels}", "values": only_while(served, value)}
        for name, value in (
            ("not_after_timestamp_seconds", f"{served.ends * HOUR}"),
            ("not_before_timestamp_seconds", f"{served.issued * HOUR}"),
            ("remaining_ratio", f"{left:.9f}-{1 / served.life:.12f}"),
        )
    ]


def steady(name: str, labels: str, value: int, hours: int) -> dict[str, str]:
    return {"series": f"{name}{{{labels}}}", "values": f"{value}x{hours}"}


def page(chain: list[Served]) -> list[dict[str, str]]:
    """All that a page shows of a domain in order, over these lives."""
    hours = chain[-1].until
    changed = f'{DOMAIN},change="issuer_changed"'
    return [
        *(row for served in chain for row in series_of(served)),
        steady("vsa_endpoint_verdict", f'{AT},verdict="ok"', 1, hours),
        steady("vsa_endpoint_info", f'{AT},source="resolved"', 1, hours),
        steady("vsa_domain_certificate_variants", DOMAIN, 1, hours),
        steady("vsa_domain_certificate_changes_total", changed, 0, hours),
    ]


def newer(before: Served, after: Served, reload: int, source: str) -> dict[str, str]:
    """The series that says, from its issue to the reload, that the next one is known."""
    labels = f'{AT},source="{source}",where="there",fingerprint_sha256="{after.name}"'
    values = f"_x{after.issued - 1} 1x{reload - 1} stale"
    assert before.until == after.since
    return {"series": f"vsa_endpoint_newer_certificate_info{{{labels}}}", "values": values}


def expect(hour: int, query: str, *firing: str) -> dict[str, object]:
    told = [dict(zip(("alertname", "severity"), one.split(), strict=True)) for one in firing]
    samples = [
        {
            "labels": "{" + ",".join(f'{k}="{v}"' for k, v in labels.items()) + "}",
            "value": 1,
        }
        for labels in told
    ]
    return {"expr": query, "eval_time": f"{hour}h", "exp_samples": samples}


def now(hour: int, *firing: str) -> dict[str, object]:
    """What fires at that hour: the name and the severity of each alert."""
    return expect(hour, f"count by (alertname, severity) ({FIRING})", *firing)


def ever(hours: int) -> dict[str, object]:
    """Nothing fired until then."""
    return expect(hours, f"count_over_time({FIRING}[{hours}h])")


def judge(
    folder: Path, series: list[dict[str, str]], expected: list[dict[str, object]]
) -> None:
    """Have promtool run the shipped rules over the series; an hour is a step."""
    shutil.copytree(SHIPPED / "rules", folder / "rules")
    test = {"interval": "1h", "input_series": series, "promql_expr_test": expected}
    # JSON is YAML as well.
    document = {
        "rule_files": ["rules/certificates.yml"],
        "evaluation_interval": "1h",
        "tests": [test],
    }
    (folder / "test.yml").write_text(json.dumps(document), encoding="utf-8")
    judgement = promtool("test", "rules", folder / "test.yml")
    assert judgement.passed, judgement.text


@pytest.mark.parametrize("days", LIVES)
def test_a_healthy_life_is_silent_and_a_missed_renewal_is_told_by_one_alert_at_a_time(
    tmp_path: Path, days: int
) -> None:
    chain = lives(days)
    last = chain[-1]
    third, quarter = days * DAY // 3, min(days * DAY // 4, 7 * DAY)
    warns = min(third, 21 * DAY)
    stages = [ever(last.issued + last.life - third - 1)]
    if third > warns:
        told = "VsaCertificateRenewalOverdue info"
        stages += [now(last.ends - third + DAY + 2, told), now(last.ends - warns + DAY - 2, told)]
    if warns - DAY > quarter:
        told = "VsaCertificateExpiring warning"
        stages += [now(last.ends - warns + DAY + 2, told), now(last.ends - quarter - 2, told)]
    told = "VsaCertificateExpiring critical"
    stages += [now(last.ends - quarter + 3, told), now(last.ends - 1, told)]
    stages += [now(last.ends + 2, "VsaCertificateExpired critical")]
    judge(tmp_path, page(chain), stages)


@pytest.mark.parametrize("source", ["file", "endpoint"])
@pytest.mark.parametrize("days", LIVES)
def test_a_reload_within_hours_of_each_renewal_is_silent(
    tmp_path: Path, days: int, source: str
) -> None:
    chain = lives(days, reload=6)
    known = [
        newer(before, after, 6, source)
        for before, after in zip(chain[:-1], chain[1:], strict=True)
    ]
    judge(tmp_path, page(chain) + known, [ever(chain[-1].since + DAY)])


@pytest.mark.parametrize("source", ["file", "endpoint", "upload"])
@pytest.mark.parametrize("days", LIVES)
def test_a_renewal_that_was_not_loaded_is_told_instead_of_the_warning_that_it_ends(
    tmp_path: Path, days: int, source: str
) -> None:
    chain = lives(days)
    last = chain[-1]
    renewed, quarter = last.ends - days * DAY // 3 + 1, min(days * DAY // 4, 7 * DAY)
    labels = f'{AT},source="{source}",where="there",fingerprint_sha256="fp3"'
    known = {
        "series": f"vsa_endpoint_newer_certificate_info{{{labels}}}",
        "values": f"_x{renewed - 1} 1x{last.until - renewed}",
    }
    told = "VsaCertificateNotReloaded warning"
    stages = [
        ever(renewed + 7),
        now(renewed + 10, told),
        now(last.ends - quarter - 2, told),
        now(last.ends - quarter + 3, "VsaCertificateExpiring critical"),
        now(last.ends + 2, "VsaCertificateExpired critical"),
    ]
    judge(tmp_path, [*page(chain), known], stages)


def test_a_pool_whose_servers_renew_for_themselves_is_silent(tmp_path: Path) -> None:
    chain = lives(90)
    half = chain[0].life // 2
    labels = f'{AT},source="endpoint",where="192.0.2.2",fingerprint_sha256="other"'
    known = {
        "series": f"vsa_endpoint_newer_certificate_info{{{labels}}}",
        "values": f"_x{half - 1} 1x{chain[0].until - half - 22} stale",
    }
    judge(tmp_path, [*page(chain), known], [ever(chain[-1].since + DAY)])


@pytest.mark.parametrize("days", LIVES)
def test_a_nodes_own_certificate_has_the_same_rules(tmp_path: Path, days: int) -> None:
    life = days * DAY
    series = [
        steady("vsa_node_certificate_not_after_timestamp_seconds", NODE, life * HOUR, life + DAY),
        steady("vsa_node_certificate_not_before_timestamp_seconds", NODE, 0, life + DAY),
    ]
    quarter = min(life // 4, 7 * DAY)
    stages = [
        ever(life * 2 // 3),
        now(life - quarter + 3, "VsaCertificateExpiring critical"),
        now(life + 2, "VsaCertificateExpired critical"),
    ]
    judge(tmp_path, series, stages)
