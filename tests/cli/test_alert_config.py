from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from cli.alert_config import alertmanager_config
from cli.alert_receivers import read_receivers
from cli.faults import BadInput
from registry.settings import read_settings
from tests.cli.person import Person
from tests.parts.alertmanager import amtool
from tests.parts.require import require_root

WEBHOOK = {"VSA_ALERT_WEBHOOK_URL": "https://hooks.example.com/s3cret"}
MAIL = {
    "VSA_ALERT_EMAIL_TO": "ops@example.com, boss@example.com",
    "VSA_ALERT_EMAIL_FROM": "vsa@example.com",
    "VSA_SMTP_SERVER": "mail.example.com:587",
}
ACCOUNT = {"VSA_SMTP_USER": "vsa", "VSA_SMTP_PASSWORD": 'a "pass": {{ word }}'}
DOMAIN = {"VSA_DASHBOARD_DOMAIN": "vsa.example.com"}
ALL = WEBHOOK | MAIL | ACCOUNT | DOMAIN


def config_of(environment: dict[str, str]) -> str:
    settings = read_settings(environment)
    return alertmanager_config(read_receivers(settings), settings.dashboard_domain)


def receiver_of(environment: dict[str, str]) -> dict[str, Any]:
    (receiver,) = json.loads(config_of(environment))["receivers"]
    assert isinstance(receiver, dict)
    return receiver


@pytest.mark.parametrize("settings", [{}, WEBHOOK, MAIL, MAIL | ACCOUNT, ALL])
def test_amtool_is_content_whoever_gets_alerts(tmp_path: Path, settings: dict[str, str]) -> None:
    file = tmp_path / "alertmanager.yml"
    file.write_text(config_of(settings), encoding="utf-8")
    judgement = amtool("check-config", file)
    assert judgement.passed, judgement.text


def test_with_nothing_set_alerts_reach_nobody_and_it_says_so(person: Person) -> None:
    said = person.vsa("alert", "config")
    assert json.loads(said.out)["receivers"] == [{"name": "nobody"}]
    assert "alerts reach nobody: set VSA_ALERT_WEBHOOK_URL" in said.err


def test_a_webhook_and_mail_are_one_receiver() -> None:
    receiver = receiver_of(ALL)
    assert receiver["name"] == "webhook-and-email"
    assert receiver["webhook_configs"][0]["url"] == WEBHOOK["VSA_ALERT_WEBHOOK_URL"]
    (mail,) = receiver["email_configs"]
    assert mail["to"] == MAIL["VSA_ALERT_EMAIL_TO"]
    assert mail["smarthost"] == "mail.example.com:587"
    assert mail["auth_password"] == ACCOUNT["VSA_SMTP_PASSWORD"]
    assert "https://vsa.example.com/grafana/d/" in mail["text"]


@pytest.mark.parametrize(("port", "demanded"), [("587", True), ("25", True), ("465", False)])
def test_tls_comes_by_starttls_except_where_it_comes_first(port: str, demanded: bool) -> None:
    settings = MAIL | {"VSA_SMTP_SERVER": f"mail.example.com:{port}"}
    assert receiver_of(settings)["email_configs"][0]["require_tls"] is demanded


def test_without_a_domain_a_mail_has_no_link() -> None:
    assert "https://" not in receiver_of(MAIL)["email_configs"][0]["text"]


ADDRESS = "must be a mail address, such as vsa@example.com"
FAULTS = [
    (
        {"VSA_ALERT_EMAIL_TO": "ops@example.com"},
        ["VSA_ALERT_EMAIL_FROM: mail needs it too", "VSA_SMTP_SERVER: mail needs it too"],
    ),
    (MAIL | {"VSA_SMTP_USER": "vsa"}, ["VSA_SMTP_PASSWORD: an account needs it too"]),
    (MAIL | {"VSA_SMTP_PASSWORD": "vsa"}, ["VSA_SMTP_USER: an account needs it too"]),
    (MAIL | {"VSA_ALERT_EMAIL_TO": "ops"}, [f"VSA_ALERT_EMAIL_TO: {ADDRESS}"]),
    (MAIL | {"VSA_ALERT_EMAIL_TO": "a@b.c,{{x}}@b.c"}, [f"VSA_ALERT_EMAIL_TO: {ADDRESS}"]),
    (MAIL | {"VSA_ALERT_EMAIL_FROM": "a@b.c\nBcc: d@e.f"}, [f"VSA_ALERT_EMAIL_FROM: {ADDRESS}"]),
    (MAIL | {"VSA_ALERT_EMAIL_FROM": "a@b.c,d@e.f"}, [f"VSA_ALERT_EMAIL_FROM: {ADDRESS}"]),
]


@pytest.mark.parametrize(("settings", "faults"), FAULTS)
def test_a_setting_that_is_missing_or_wrong_is_named(
    settings: dict[str, str], faults: list[str]
) -> None:
    with pytest.raises(BadInput) as caught:
        config_of(settings)
    assert str(caught.value).splitlines() == faults


def test_a_fault_in_the_settings_leaves_the_file_as_it_was(person: Person, tmp_path: Path) -> None:
    file = tmp_path / "alertmanager.yml"
    file.write_text("of yesterday")
    said = person.vsa("alert", "config", "--output", str(file), VSA_SMTP_USER="vsa")
    assert (said.code, said.out) == (2, "")
    assert "vsa: VSA_SMTP_PASSWORD: an account needs it too" in said.err.splitlines()
    assert file.read_text() == "of yesterday"


def test_the_file_is_closed_to_others_and_replaced_whole(person: Person, tmp_path: Path) -> None:
    file = tmp_path / "alertmanager.yml"
    file.write_text("of yesterday")
    said = person.vsa("alert", "config", "--output", str(file), **ALL)
    assert (said.out, said.err) == ("", "")
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text())["receivers"][0]["name"] == "webhook-and-email"
    assert [path.name for path in tmp_path.glob("*alertmanager*")] == [file.name]


def test_a_file_that_root_writes_belongs_to_the_owner_of_its_folder(
    person: Person, tmp_path: Path
) -> None:
    require_root("give the file to Alertmanager's user")
    folder = tmp_path / "alertmanager"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    person.vsa("alert", "config", "--output", str(folder / "alertmanager.yml"), **ALL)
    status = (folder / "alertmanager.yml").stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (65534, 65534, 0o600)


def test_a_file_that_cannot_be_written_is_named(person: Person) -> None:
    said = person.vsa("alert", "config", "--output", "/no/such/folder/file")
    assert (said.code, said.err) == (2, "vsa: /no/such/folder/file: No such file or directory\n")


def test_no_secret_shows_in_what_receivers_are_called() -> None:
    receivers = read_receivers(read_settings(ALL))
    shown = f"{receivers!r} {receivers.name} {receivers.places}"
    assert "s3cret" not in shown
    assert "pass" not in shown.replace("password=", "")
    assert receivers.places == [
        "the webhook at https://hooks.example.com",
        "ops@example.com, boss@example.com, mailed by mail.example.com:587",
    ]
