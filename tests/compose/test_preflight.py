"""What runs before anything else of the stack: the check, the folders, the files that hold a secret."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from cli import dotenv
from cli.secret_rules import SECRETS, new_secret
from tests.cli.person import VSA, Person
from tests.compose.stack import FOLDER, SERVICES, STANDING
from tests.parts.require import require_root


@pytest.fixture
def hut(tmp_path: Path) -> Path:
    """A folder that stands for /srv in the container, and the shipped script for it."""
    require_root("make folders for others")
    text = (FOLDER / "preflight.sh").read_text()
    (tmp_path / "preflight.sh").write_text(text.replace("/srv/", f"{tmp_path}/srv/"))
    program = tmp_path / "bin/vsa"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {" ".join(VSA)} "$@"\n')
    program.chmod(0o755)
    for mounted in ("data", "logs", "auth"):
        (tmp_path / "srv" / mounted).mkdir(parents=True)
    return tmp_path


def preflight(hut: Path, settings: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    path = f"{hut}/bin:{os.environ['PATH']}"
    return subprocess.run(
        ["/bin/sh", hut / "preflight.sh"],
        env={**Person({}).environment, **settings, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def filled() -> dict[str, str]:
    given = {"DASHBOARD_DOMAIN": "dash.example.com", "DOCKER_GID": "998"}
    return {**given, **{name: new_secret() for name in SECRETS}}


def test_with_placeholders_it_stops_before_it_makes_anything(hut: Path) -> None:
    example = dotenv.read((FOLDER / ".env.example").read_text())
    refused = preflight(hut, example)
    assert refused.returncode == 2
    assert "VSA_SECRET_KEY: is still a placeholder" in refused.stderr
    assert "docker compose run --rm secrets init" in refused.stderr
    assert not any(any(folder.iterdir()) for folder in (hut / "srv").iterdir())


def test_it_makes_every_folder_for_whom_runs_there(hut: Path) -> None:
    passed = preflight(hut, filled())
    assert passed.returncode == 0, passed.stderr
    mounted = {
        "/srv/data": "${DASHBOARD_DATA_ROOT:-/srv/flowbiz/dashboard/data}",
        "/srv/logs": "${DASHBOARD_LOG_ROOT:-/srv/flowbiz/dashboard/logs}",
        "/srv/auth": "${DASHBOARD_ENV_ROOT:-/srv/flowbiz/dashboard/env}/auth",
    }
    for name in STANDING:
        for volume in SERVICES[name].get("volumes", ()):
            for inside, outside in mounted.items():
                if volume.startswith(outside):
                    place = hut / (inside + volume.removeprefix(outside).split(":")[0])[1:]
                    owner = int(SERVICES[name]["user"].partition(":")[0])
                    assert (place.stat().st_uid, place.stat().st_gid) == (owner, owner), volume
                    assert not place.stat().st_mode & 0o022


def test_it_writes_prometheus_s_token_and_alertmanager_s_configuration(hut: Path) -> None:
    settings = filled()
    preflight(hut, settings)
    rendered = hut / "srv/data/rendered"
    token = rendered / "prometheus/vsa_api_token"
    assert token.read_text() == settings["VSA_PROMETHEUS_TOKEN"]
    configuration = rendered / "alertmanager/alertmanager.yml"
    assert yaml.safe_load(configuration.read_text())["receivers"]
    for file in (token, configuration):
        assert (file.stat().st_uid, file.stat().st_mode & 0o077) == (65534, 0)


def test_a_second_run_takes_over_what_changed(hut: Path) -> None:
    preflight(hut, filled())
    again = filled() | {"VSA_ALERT_WEBHOOK_URL": "https://hooks.example.com/x"}
    assert preflight(hut, again).returncode == 0
    rendered = hut / "srv/data/rendered"
    assert "hooks.example.com" in (rendered / "alertmanager/alertmanager.yml").read_text()
    token = rendered / "prometheus/vsa_api_token"
    assert token.read_text() == again["VSA_PROMETHEUS_TOKEN"]


def test_half_a_mail_server_stops_the_start_with_its_name(hut: Path) -> None:
    refused = preflight(hut, filled() | {"VSA_ALERT_EMAIL_TO": "ops@example.com"})
    assert refused.returncode == 2
    assert "VSA_SMTP_SERVER" in refused.stderr


def test_a_setting_of_the_programs_that_is_none_stops_the_start(hut: Path) -> None:
    refused = preflight(hut, filled() | {"VSA_SCRAPE_INTERVAL": "soon"})
    assert refused.returncode == 2
    assert "VSA_SCRAPE_INTERVAL: " in refused.stderr
