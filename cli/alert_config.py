"""Alertmanager's configuration: who hears of what, how often, and which alert silences which (ADR 0014).

JSON, which is YAML as well: no value can break out of its place. For Alertmanager 0.25 and newer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from cli.alert_mail import mail_subject, mail_text
from cli.alert_receivers import Mail, Receivers

TEST_ALERT = "VsaTest"
_IMPLICIT_TLS = 465
_DOMAIN = ("domain", "port", "server_name")

Section = Mapping[str, object]


def alertmanager_config(receivers: Receivers, dashboard: str | None) -> str:
    """Return the whole file; `dashboard` is its DNS name, for the links in mails."""
    config = {
        "route": _route(receivers.name),
        "inhibit_rules": _inhibitions(),
        "receivers": [_receiver(receivers, dashboard)],
    }
    return json.dumps(config, indent=2, ensure_ascii=False) + "\n"


# ---------------------------------------------------------------------------- who hears of what


def _route(receiver: str) -> Section:
    """Tell what has one cause in one message: what fails everywhere, or all that fails on a node."""
    return {
        "receiver": receiver,
        "group_by": ["alertname", "severity"],
        "group_wait": "30s",  # what one cause breaks arrives together, and after what silences it
        "group_interval": "5m",
        "repeat_interval": "4h",
        "routes": [_test_route(), _node_route(), _warning_route(), _news_route()],
    }


def _test_route() -> Section:
    return {
        "matchers": [f'alertname="{TEST_ALERT}"'],
        "group_by": ["..."],
        "group_wait": "0s",
        "group_interval": "5s",
    }


def _node_route() -> Section:
    return {
        "matchers": ['alertname=~"VsaContainer.+|VsaDomain.+"', 'node!=""'],
        "group_by": ["node"],
        "repeat_interval": "12h",
    }


def _warning_route() -> Section:
    return {"matchers": ['severity="warning"'], "repeat_interval": "1d"}


def _news_route() -> Section:
    # As long as Alertmanager remembers what it has told.
    return {"matchers": ['severity="info"'], "repeat_interval": "5d"}


# ---------------------------------------------------------------------------- what silences what


def _inhibitions() -> list[Section]:
    """From the cause to what it causes.

    A missing label equals a missing one: each source or its effects have them all.
    """
    return [
        _inhibit("VsaCollectorDown", "Vsa(Node|Container|Domain).+"),
        _inhibit("VsaNodeUnreachable", "Vsa(Container|Domain).+", "node"),
        _inhibit("VsaCertificateExpired", "VsaNodeUnreachable", "node"),
        _inhibit("VsaContainer(OOM|Restarting|Unhealthy)", "VsaDomain.+", "node", "name"),
        _inhibit("VsaDomainUnreachable", "VsaDomainAddressUnreachable", *_DOMAIN),
        _inhibit("VsaCertificate(Bad|Expired|NotReloaded)", "VsaCertificatesDisagree", *_DOMAIN),
        _inhibit("VsaContainerOOM", "VsaContainer(Restarting|Unhealthy)", "node", "name"),
        _inhibit("VsaContainerRestarting", "VsaContainerUnhealthy", "node", "name"),
    ]


def _inhibit(cause: str, effects: str, *equal: str) -> Section:
    return {
        "source_matchers": [f'alertname=~"{cause}"'],
        "target_matchers": [f'alertname=~"{effects}"'],
        "equal": list(equal),
    }


# ---------------------------------------------------------------------------- how it is sent


def _receiver(receivers: Receivers, dashboard: str | None) -> Section:
    receiver: dict[str, object] = {"name": receivers.name}
    if receivers.webhook:
        url = receivers.webhook.get_secret_value()
        receiver["webhook_configs"] = [{"url": url, "send_resolved": True}]
    if receivers.mail:
        receiver["email_configs"] = [_email(receivers.mail, dashboard)]
    return receiver


def _email(mail: Mail, dashboard: str | None) -> Section:
    account = {}
    if mail.user and mail.password:
        account["auth_username"] = mail.user
        account["auth_password"] = mail.password.get_secret_value()
    return {
        "to": mail.to,
        "from": mail.sender,
        "smarthost": str(mail.server),
        "hello": dashboard or "localhost",
        # TLS either way: on 465 it comes before the first word, and STARTTLS is not offered.
        "require_tls": mail.server.port != _IMPLICIT_TLS,
        **account,
        "send_resolved": True,
        "headers": {"Subject": mail_subject()},
        "html": "",  # plain text is read everywhere, at 3 a.m. on a watch too
        "text": mail_text(dashboard),
    }
