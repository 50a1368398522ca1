"""How well the watching itself works: collectors, their probes, and the messages about alerts."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as sdk

from grafana import page, style
from grafana.page import band
from grafana.panels import chart
from grafana.queries import per_second, series


def section() -> page.Section:
    """Make the section."""
    return page.section(
        "The watching itself", band(8, _heartbeats(), _probes(), _lateness(), _messages())
    )


def _heartbeats() -> sdk.Panel:
    return chart(
        "Silence of each collector",
        "Seconds since each collector gave a sign of life. One alive is enough; its neighbours' work is"
        " taken over within the time of a lease.",
        series("time() - vsa_collector_heartbeat_timestamp_seconds", "{{collector}}"),
        unit=style.SECONDS,
        steps=style.SILENCE,
    )


def _probes() -> sdk.Panel:
    return chart(
        "Probes",
        "Probes of nodes and domains a second, and how many of them got no answer.",
        series(f"sum({per_second('vsa_collector_probes_total')})", "made"),
        series(f"sum({per_second('vsa_collector_probe_failures_total')})", "failed"),
        unit=style.PER_SECOND,
        colours={"made": style.GOOD, "failed": style.BAD},
    )


def _lateness() -> sdk.Panel:
    return chart(
        "Lateness",
        "Since when the oldest target that nobody asks is due. It stays near zero while the collectors keep"
        " up; if it grows, start another collector or ask less often.",
        series("vsa_schedule_lateness_seconds", "lateness"),
        unit=style.SECONDS,
    )


def _messages() -> sdk.Panel:
    return chart(
        "Messages about alerts",
        "Messages that Alertmanager sent a minute, and those that did not get through. If they fail, try"
        " `vsa alert test` and read Alertmanager's log.",
        series(f"60 * sum({per_second('alertmanager_notifications_total')})", "sent"),
        series(f"60 * sum({per_second('alertmanager_notifications_failed_total')})", "failed"),
        unit=style.PER_MINUTE,
        colours={"sent": style.GOOD, "failed": style.BAD},
        no_value="No Alertmanager is scraped",
    )
