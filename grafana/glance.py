"""The numbers that say at one glance whether something is wrong; home and Fleet begin with them."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as sdk

from grafana import style
from grafana.page import link_to
from grafana.panels import stat
from grafana.queries import BAD_CERTIFICATES, CONTAINERS, now, or_zero, sql

_TO_FLEET = link_to("vsa-fleet", "Which? Open Fleet")
_NO_EXPORTER = "exporter not scraped"


def tiles() -> tuple[sdk.Panel, ...]:
    """Make the numbers, all green while nothing is to be done."""
    return (
        _nodes_down(),
        _containers_in_trouble(),
        _domains_in_trouble(),
        _alerts_firing(),
        _alert_receivers(),
        _collector_silence(),
        _oldest_data(),
    )


def _nodes_down() -> sdk.Panel:
    return stat(
        "Nodes down",
        "Nodes that did not answer, or whose data is older than three of their intervals (at least a minute)."
        " Nothing is known of their containers meanwhile. Next: `vsa node check NAME`.",
        now(or_zero("count(vsa_node_up == 0)")),
        steps=style.ANY_IS_BAD,
        links=[_TO_FLEET],
        no_value=_NO_EXPORTER,
    )


def _containers_in_trouble() -> sdk.Panel:
    return stat(
        "Bad containers",
        "Containers that fail their health check, are restarting, were killed for memory, or ended with an"
        " exit code other than 0, 130 or 143 (asked to stop). Those of nodes that are down are not counted.",
        sql(f"SELECT count(*) FROM {CONTAINERS} WHERE in_trouble"),
        steps=style.ANY_IS_BAD,
        links=[_TO_FLEET],
    )


def _domains_in_trouble() -> sdk.Panel:
    return stat(
        "Bad domains",
        "Domains that do not answer, whose certificate is refused by clients, or is overdue for renewal: less"
        " than a third of its life is left, and less than 21 days.",
        sql(f"SELECT count(DISTINCT domain_id) FROM ({BAD_CERTIFICATES}) AS trouble"),
        steps=style.ANY_IS_BAD,
        links=[link_to("vsa-certificates", "Which? Open Certificates")],
    )


def _alerts_firing() -> sdk.Panel:
    return stat(
        "Alerts firing",
        "What Prometheus tells Alertmanager now. An alert waits its time (`for`) before it fires, so it may"
        " come minutes after the number beside it.",
        now(or_zero('count(ALERTS{alertstate="firing"})')),
        steps=style.ANY_IS_BAD,
        links=[_TO_FLEET],
        no_value=_NO_EXPORTER,
    )


def _alert_receivers() -> sdk.Panel:
    return stat(
        "Alerts go to",
        "Where Alertmanager sends what fires. *nobody*: set VSA_ALERT_WEBHOOK_URL, or VSA_ALERT_EMAIL_TO and its"
        " neighbours, and try it with `vsa alert test`; until then you learn of trouble on this page alone.",
        now("max(alertmanager_integrations)"),
        steps=style.NONE_IS_BAD,
        values={
            "0": ("nobody", style.BAD),
            "1": ("1 receiver", style.GOOD),
            "2": ("2 receivers", style.GOOD),
        },
        links=[_TO_FLEET],
        no_value="no Alertmanager",
    )


def _collector_silence() -> sdk.Panel:
    return stat(
        "Heartbeat age",
        "Time since any collector gave a sign of life. Beyond a minute nothing is asked any more and all that"
        " you see grows old: look at the collector's log and whether it reaches PostgreSQL.",
        now("time() - max(vsa_collector_heartbeat_timestamp_seconds)"),
        unit=style.SECONDS,
        steps=style.SILENCE,
        links=[_TO_FLEET],
        no_value="no collector",
        decimals=0,
    )


def _oldest_data() -> sdk.Panel:
    return stat(
        "Oldest data",
        "Time since the last successful scrape of the node that was not seen for longest.",
        now("time() - min(vsa_node_last_success_timestamp_seconds)"),
        unit=style.SECONDS,
        steps=style.AGE,
        links=[_TO_FLEET],
        no_value="no data yet",
        decimals=0,
    )
