"""Certificates of every lifetime in use, through two renewals: silent while renewed, told in time when not.

Nothing but the rules is under test: the series are what a page would show, at every few hours.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.parts.prometheus import promtool
from tests.prometheus.conftest import SHIPPED

DAY, SECONDS = 24, 3600
AT = 'domain="shop.example",address="192.0.2.1",port="443"'
DOMAIN = 'domain="shop.example",port="443"'
NODE = 'node="web-1",end="server"'
FIRING = 'ALERTS{alertstate="firing"}'
DAYS = (6, 45, 90, 200, 398)
SOURCES = ("file", "upload", "endpoint", "file", "endpoint")

Series = dict[str, str]
Expected = dict[str, object]


@dataclass(frozen=True, slots=True)
class Life:
    """Certificates that live so long, in hours, with the hours that a step of the test has."""

    hours: int
    step: int
    late: int

    @property
    def third(self) -> int:
        return self.hours // 3

    @property
    def warns(self) -> int:
        return min(self.third, 21 * DAY)

    @property
    def urges(self) -> int:
        return min(self.hours // 4, 7 * DAY)


def life(days: int) -> Life:
    """Who gets short ones looks four times a day whether a third is left, else once."""
    return Life(days * DAY, 1, 5) if days == 6 else Life(days * DAY, 8, 16)


@dataclass(frozen=True, slots=True)
class Served:
    """A certificate: the hours at which it is issued, first and last served."""

    name: str
    issued: int
    since: int
    until: int


def renewed(of: Life, times: int = 2, reload: int = 0) -> list[Served]:
    """Certificates that follow each other; the last is never renewed, and served until two days after its end."""
    between = of.hours - of.third + of.late
    begins = [number * between for number in range(times + 1)]
    ends = [begin + reload for begin in begins[1:]] + [begins[-1] + of.hours + 2 * DAY]
    return [
        Served(f"fp{number}", begin, begin + reload * bool(number), end)
        for number, (begin, end) in enumerate(zip(begins, ends, strict=True))
    ]


# ---------------------------------------------------------------------------- what a page shows


def during(step: int, since: int, until: int, value: str) -> str:
    """Write the values of a series that is there from one hour to another, and stale from then on."""
    before = f"_x{since // step} " if since else ""
    return f"{before}{value}x{(until - since) // step - 1} stale"


def steady(name: str, labels: str, value: int, steps: int) -> Series:
    return {"series": f"{name}{{{labels}}}", "values": f"{value}x{steps}"}


def certificate(of: Life, served: Served) -> list[Series]:
    left = 1 - (served.since - served.issued) / of.hours
    shown = {
        "not_after_timestamp_seconds": f"{(served.issued + of.hours) * SECONDS}",
        "not_before_timestamp_seconds": f"{served.issued * SECONDS}",
        "remaining_ratio": f"{left:.9f}-{of.step / of.hours:.12f}",
    }
    return [
        {
            "series": f'vsa_certificate_{name}{{{AT},fingerprint_sha256="{served.name}"}}',
            "values": during(of.step, served.since, served.until, value),
        }
        for name, value in shown.items()
    ]


def page(of: Life, chain: list[Served]) -> list[Series]:
    steps = chain[-1].until // of.step
    changed = f'{DOMAIN},change="issuer_changed"'
    return [
        *(series for served in chain for series in certificate(of, served)),
        steady("vsa_endpoint_verdict", f'{AT},verdict="ok"', 1, steps),
        steady("vsa_endpoint_info", f'{AT},source="resolved"', 1, steps),
        steady("vsa_domain_certificate_variants", DOMAIN, 1, steps),
        steady("vsa_domain_certificate_changes_total", changed, 0, steps),
    ]


def newer(of: Life, source: str, since: int, until: int) -> Series:
    """Say that a newer certificate is known than the one that is served."""
    labels = f'{AT},source="{source}",where="there",fingerprint_sha256="of{since}"'
    return {
        "series": f"vsa_endpoint_newer_certificate_info{{{labels}}}",
        "values": during(of.step, since, until, "1"),
    }


# ---------------------------------------------------------------------------- what is expected


def fires(hour: int, alert: str, severity: str) -> Expected:
    """At that hour this one alert fires, and no other."""
    return {
        "expr": f"count by (alertname, severity) ({FIRING})",
        "eval_time": f"{hour}h",
        "exp_samples": [
            {"labels": f'{{alertname="{alert}",severity="{severity}"}}', "value": 1},
        ],
    }


def silent_until(hour: int) -> Expected:
    return {
        "expr": f"count_over_time({FIRING}[{hour}h])",
        "eval_time": f"{hour}h",
        "exp_samples": [],
    }


def at_the_end(of: Life, ends: int) -> list[Expected]:
    """The last two stages, whatever was told before."""
    return [
        fires(ends - of.urges + 2 * of.step, "VsaCertificateExpiring", "critical"),
        fires(ends - of.step, "VsaCertificateExpiring", "critical"),
        fires(ends + 2 * of.step, "VsaCertificateExpired", "critical"),
    ]


def stages(of: Life, ends: int) -> list[Expected]:
    """Silent until two thirds of the last life; then one alert at a time, more pressing at each stage."""
    told = [silent_until(ends - of.third)]
    if of.third > of.warns:
        first, last = ends - of.third + DAY + of.step, ends - of.warns + DAY - of.step
        told += [fires(hour, "VsaCertificateRenewalOverdue", "info") for hour in (first, last)]
    if of.warns - DAY > of.urges:
        first, last = ends - of.warns + DAY + of.step, ends - of.urges - of.step
        told += [fires(hour, "VsaCertificateExpiring", "warning") for hour in (first, last)]
    return told + at_the_end(of, ends)


def judge(folder: Path, of: Life, series: list[Series], expected: list[Expected]) -> None:
    shutil.copytree(SHIPPED / "rules", folder / "rules")
    interval = f"{of.step}h"
    test = {"interval": interval, "input_series": series, "promql_expr_test": expected}
    rules = ["rules/certificates.yml"]
    document = {"rule_files": rules, "evaluation_interval": interval, "tests": [test]}
    # JSON is YAML as well.
    (folder / "test.yml").write_text(json.dumps(document), encoding="utf-8")
    judgement = promtool("test", "rules", folder / "test.yml")
    assert judgement.passed, judgement.text


@pytest.mark.parametrize("days", DAYS)
def test_two_renewals_are_silent_and_a_missed_third_is_told_in_time_by_one_alert_at_a_time(
    tmp_path: Path, days: int
) -> None:
    of = life(days)
    chain = renewed(of)
    judge(tmp_path, of, page(of, chain), stages(of, chain[-1].issued + of.hours))


@pytest.mark.parametrize("source", ["file", "endpoint"])
def test_a_reload_within_hours_of_each_renewal_is_silent(tmp_path: Path, source: str) -> None:
    of = life(6)
    chain = renewed(of, reload=6)
    known = [newer(of, source, served.issued, served.since) for served in chain[1:]]
    judge(tmp_path, of, page(of, chain) + known, [silent_until(chain[-1].since + DAY)])


@pytest.mark.parametrize(("days", "source"), [*zip(DAYS, SOURCES, strict=True)])
def test_a_renewal_that_is_not_loaded_is_told_in_place_of_one_that_is_missed(
    tmp_path: Path, days: int, source: str
) -> None:
    of = life(days)
    chain = renewed(of, times=0)
    known = of.hours - of.third
    late = known if source != "endpoint" else of.hours * 7 // 10 // of.step * of.step
    series = [*page(of, chain), newer(of, source, known, chain[0].until)]
    told = [
        silent_until(late + 8 - of.step),
        fires(late + 8 + 2 * of.step, "VsaCertificateNotReloaded", "warning"),
        fires(of.hours - of.urges - of.step, "VsaCertificateNotReloaded", "warning"),
    ]
    judge(tmp_path, of, series, told + at_the_end(of, of.hours))


def test_a_file_that_was_renewed_early_is_to_be_loaded_at_once(tmp_path: Path) -> None:
    of = life(45)
    chain = renewed(of, times=0)
    series = [*page(of, chain), newer(of, "file", DAY, chain[0].until)]
    judge(tmp_path, of, series, [fires(2 * DAY, "VsaCertificateNotReloaded", "warning")])


def test_a_pool_whose_servers_renew_for_themselves_is_silent(tmp_path: Path) -> None:
    of = life(45)
    chain = renewed(of, times=1)
    series = [*page(of, chain), newer(of, "endpoint", of.hours // 2, chain[0].until)]
    judge(tmp_path, of, series, [silent_until(chain[-1].since + DAY)])


@pytest.mark.parametrize("days", DAYS)
def test_the_two_ends_of_a_connection_to_a_node_have_the_same_rules(
    tmp_path: Path, days: int
) -> None:
    of = life(days)
    steps = of.hours // of.step + DAY
    times = {"not_after": of.hours * SECONDS, "not_before": 0}
    series = [
        steady(f"vsa_node_certificate_{name}_timestamp_seconds", NODE, value, steps)
        for name, value in times.items()
    ]
    judge(tmp_path, of, series, stages(of, of.hours))


def test_a_credential_of_unknown_begin_is_told_three_weeks_and_one_before_its_end(
    tmp_path: Path,
) -> None:
    of = life(45)
    name = "vsa_node_certificate_not_after_timestamp_seconds"
    series = [steady(name, NODE, of.hours * SECONDS, of.hours // of.step + DAY)]
    told = [silent_until(of.hours - 21 * DAY), *stages(Life(63 * DAY, of.step, 0), of.hours)[1:]]
    judge(tmp_path, of, series, told)
