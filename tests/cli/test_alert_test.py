"""`vsa alert test` with a real Alertmanager, a webhook and a mail server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from cli.alert_config import alertmanager_config
from cli.alert_receivers import read_receivers
from cli.alertmanager import Alertmanager as Client
from registry.settings import read_settings
from tests.cli.person import Home, Person
from tests.end_to_end.house import wait_for
from tests.parts.alertmanager import Alertmanager, alertmanager
from tests.parts.sinks import Mailbox, Webhook, mailbox, webhook
from tests.parts.tls import Authority

ACCOUNT = ("vsa", "a mail password")
NOBODY = "alerts reach nobody: set VSA_ALERT_WEBHOOK_URL"


@contextmanager
def configured(
    folder: Path, settings: Mapping[str, str], **environment: str
) -> Iterator[Alertmanager]:
    """Run an Alertmanager on what `vsa alert config` makes of the settings."""
    read = read_settings(settings)
    config = json.loads(alertmanager_config(read_receivers(read), read.dashboard_domain))
    config["route"]["group_wait"] = "1s"
    with alertmanager(json.dumps(config), folder, environment) as server:
        yield server


def mail_settings(box: Mailbox) -> dict[str, str]:
    return {
        "VSA_ALERT_EMAIL_TO": "ops@example.com",
        "VSA_ALERT_EMAIL_FROM": "vsa@example.com",
        "VSA_SMTP_SERVER": box.address,
        "VSA_SMTP_USER": ACCOUNT[0],
        "VSA_SMTP_PASSWORD": ACCOUNT[1],
        "VSA_DASHBOARD_DOMAIN": "vsa.example.com",
    }


@pytest.fixture
def sink() -> Iterator[Webhook]:
    with webhook() as sink:
        yield sink


@pytest.fixture
def box(authority: Authority) -> Iterator[Mailbox]:
    with mailbox(authority.issue(["localhost"]), *ACCOUNT) as box:
        yield box


def test_a_test_alert_reaches_the_webhook_and_the_mailbox_and_is_over(
    person: Person, authority: Authority, sink: Webhook, box: Mailbox, tmp_path: Path
) -> None:
    settings = {"VSA_ALERT_WEBHOOK_URL": sink.url, **mail_settings(box)}
    trust = str(authority.bundle_path(tmp_path).parent)
    with configured(tmp_path, settings, SSL_CERT_DIR=trust) as server:
        said = person.vsa("alert", "test", "--json", VSA_ALERTMANAGER_URL=server.url)
        assert said.document() == {
            "alertmanager": server.url,
            "receiver": "webhook-and-email",
            "silenced": False,
            "integrations": {"email": "taken", "webhook": "taken"},
            "delivered": True,
        }
        assert said.code == 0
        wait_for("the webhook hears that it is over", lambda: len(sink.messages) == 2)
        wait_for("a mail says that it is over", lambda: len(box.mails) == 2)
    assert [message["status"] for message in sink.messages] == ["firing", "resolved"]
    assert [mail["Subject"] for mail in box.mails] == [
        "Test alert of VSA Dashboard",
        "[over] Test alert of VSA Dashboard",
    ]


def test_a_mail_says_what_is_wrong_what_to_do_and_where_to_look(
    authority: Authority, box: Mailbox, tmp_path: Path
) -> None:
    trust = str(authority.bundle_path(tmp_path).parent)
    with configured(tmp_path, mail_settings(box), SSL_CERT_DIR=trust) as server:
        alert = {
            "labels": {"alertname": "VsaNodeUnreachable", "severity": "critical", "node": "web-1"},
            "annotations": {
                "summary": "Node web-1 does not answer",
                "description": "Reason: refused. Run `vsa node check web-1`.",
                "runbook_url": "docs/runbook.md#vsanodeunreachable",
            },
            "startsAt": "2026-11-23T03:00:00Z",
        }
        httpx.post(f"{server.url}/api/v2/alerts", json=[alert]).raise_for_status()
        (mail,) = wait_for("a mail", lambda: box.mails)
    assert (mail["Subject"], mail["To"], mail["From"]) == (
        "Node web-1 does not answer",
        "ops@example.com",
        "vsa@example.com",
    )
    assert mail.get_content_type() == "multipart/alternative"
    (text,) = mail.iter_parts()
    assert text.get_content().splitlines() == [
        "Node web-1 does not answer",
        "critical, since 2026-11-23 03:00 UTC",
        "",
        "Reason: refused. Run `vsa node check web-1`.",
        "",
        "Runbook:   docs/runbook.md#vsanodeunreachable",
        "Dashboard: https://vsa.example.com/grafana/d/vsa-node?var-node=web-1",
        "",
        "",
    ]


def test_what_fails_together_is_one_mail(
    authority: Authority, box: Mailbox, tmp_path: Path
) -> None:
    trust = str(authority.bundle_path(tmp_path).parent)
    with configured(tmp_path, mail_settings(box), SSL_CERT_DIR=trust) as server:
        dark = {"alertname": "VsaNodeUnreachable", "severity": "critical"}
        sick = {"alertname": "VsaContainerUnhealthy", "severity": "warning", "name": "shop"}
        server.post(
            *(dark | {"node": f"web-{number}"} for number in (1, 2)), sick | {"node": "web-1"}
        )
        (mail,) = wait_for("a mail", lambda: box.mails)
        alerts = {alert["labels"]["alertname"]: alert["status"] for alert in server.alerts()}
    assert mail["Subject"] == "2 alerts: VsaNodeUnreachable, critical"
    (text,) = mail.iter_parts()
    assert [f"var-node=web-{number}" in text.get_content() for number in (1, 2)] == [True, True]
    assert alerts["VsaContainerUnhealthy"]["state"] == "suppressed"
    assert alerts["VsaContainerUnhealthy"]["inhibitedBy"]


def test_what_follows_from_a_certificate_is_suppressed_and_what_does_not_is_not(
    tmp_path: Path,
) -> None:
    shop = {"domain": "shop.example", "port": "443"}
    other = {"domain": "other.example", "port": "443"}
    with configured(tmp_path, {}) as server:
        server.post(
            {"alertname": "VsaCertificateExpired", "node": "web-1", "end": "client"},
            {"alertname": "VsaNodeUnreachable", "node": "web-1"},
            {"alertname": "VsaNodeUnreachable", "node": "web-2"},
            {"alertname": "VsaCertificateExpired", **shop},
            {"alertname": "VsaCertificatesDisagree", **shop},
            {"alertname": "VsaCertificatesDisagree", **other},
        )
        wait_for(
            "all are judged",
            lambda: [a["status"]["state"] for a in server.alerts()].count("unprocessed") == 0,
        )
        suppressed = {
            (alert["labels"]["alertname"], alert["labels"].get("node") or alert["labels"]["domain"])
            for alert in server.alerts()
            if alert["status"]["state"] == "suppressed"
        }
    assert suppressed == {
        ("VsaNodeUnreachable", "web-1"),
        ("VsaCertificatesDisagree", "shop.example"),
    }


def test_a_mail_server_that_is_not_trusted_gets_neither_account_nor_mail(
    box: Mailbox, tmp_path: Path
) -> None:
    with (
        configured(tmp_path, mail_settings(box)) as server,
        closing(Client(read_settings({"VSA_ALERTMANAGER_URL": server.url}))) as client,
    ):
        server.post({"alertname": "VsaNodeUnreachable"})
        wait_for("an attempt that failed", lambda: client.attempts()["email"].failed)
    assert (box.mails, box.was_told) == ([], False)


def test_a_webhook_that_refuses_is_named(person: Person, sink: Webhook, tmp_path: Path) -> None:
    sink.status = 400
    with configured(tmp_path, {"VSA_ALERT_WEBHOOK_URL": sink.url}) as server:
        said = person.vsa("alert", "test", VSA_ALERTMANAGER_URL=server.url)
    assert said.code == 1
    assert "webhook  refused" in said.out
    assert said.out.endswith("Not handed over: Alertmanager's log says why\n")
    assert "sends it to: webhook" in said.err


def test_a_silence_is_told_apart_from_a_receiver_that_is_down(
    person: Person, sink: Webhook, tmp_path: Path
) -> None:
    with configured(tmp_path, {"VSA_ALERT_WEBHOOK_URL": sink.url}) as server:
        silence = {
            "matchers": [{"name": "severity", "value": ".+", "isRegex": True}],
            "startsAt": "2026-11-23T00:00:00Z",
            "endsAt": "2099-01-01T00:00:00Z",
            "createdBy": "alice",
            "comment": "new kernel",
        }
        httpx.post(f"{server.url}/api/v2/silences", json=silence).raise_for_status()
        said = person.vsa("alert", "test", VSA_ALERTMANAGER_URL=server.url)
    assert (said.code, sink.messages) == (1, [])
    assert "A silence holds it back" in said.out


def test_nobody_gets_alerts_and_test_and_status_say_so(home: Home, tmp_path: Path) -> None:
    with configured(tmp_path, {}) as server:
        said = home.vsa("alert", "test", VSA_ALERTMANAGER_URL=server.url)
        status = home.vsa("status", VSA_ALERTMANAGER_URL=server.url)
        document = home.vsa("status", "--json", VSA_ALERTMANAGER_URL=server.url)
    assert (said.code, NOBODY in said.out) == (1, True)
    assert "Alerts reach nobody: set VSA_ALERT_WEBHOOK_URL" in status.out
    assert "reach nobody" not in document.out


def test_status_is_content_where_somebody_gets_alerts(
    home: Home, sink: Webhook, tmp_path: Path
) -> None:
    with configured(tmp_path, {"VSA_ALERT_WEBHOOK_URL": sink.url}) as server:
        said = home.vsa("status", VSA_ALERTMANAGER_URL=server.url)
    assert "lerts" not in said.out


def test_without_an_alertmanager_test_ends_with_3_and_status_says_it(home: Home) -> None:
    url = "http://127.0.0.1:1"
    trouble = f"no Alertmanager answers at {url}; start it, or set VSA_ALERTMANAGER_URL"
    said = home.vsa("alert", "test", VSA_ALERTMANAGER_URL=url)
    assert (said.code, said.out, said.err) == (3, "", f"vsa: {trouble}\n")
    status = home.vsa("status", VSA_ALERTMANAGER_URL=url)
    assert f"Alerts reach nobody: {trouble}" in status.out
    assert status.code == 1


def test_what_is_not_an_alertmanager_is_not_taken_for_one(home: Home) -> None:
    url = f"http://127.0.0.1:{home.api_port}"
    said = home.vsa("alert", "test", VSA_ALERTMANAGER_URL=url)
    assert said.code == 3
    assert f"what answers at {url} is not Alertmanager" in said.err
