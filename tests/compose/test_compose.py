"""The stack as compose.yml lays it out: how each service is confined, and in which order they start."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.version import __version__
from tests.compose.stack import FOLDER, OURS, PREPARING, SERVICES, STANDING, TOOLS
from tests.parts.require import require_program

DCLINT = "3.1.0"
# They make folders and files for others, and have no network.
ROOT = {"preflight", "secrets"}

each = pytest.mark.parametrize("name", SERVICES)
each_standing = pytest.mark.parametrize("name", STANDING)


# ---------------------------------------------------------------------------- the file


def dclint(*files: Path) -> subprocess.CompletedProcess[str]:
    program = require_program("dclint", f"nodejs, then npm install --global dclint@{DCLINT}")
    ways = ("--config", FOLDER / ".dclintrc", "--max-warnings", "0")
    return subprocess.run([program, *ways, *files], capture_output=True, text=True, check=False)


def test_dclint_and_with_it_the_compose_schema_find_nothing() -> None:
    judged = dclint(FOLDER / "compose.yml", FOLDER / "host-nginx.yml")
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_the_schema_would_find_a_key_that_is_none(tmp_path: Path) -> None:
    wrong = (FOLDER / "compose.yml").read_text().replace("mem_limit: 256m", "memory_limit: 256m")
    (tmp_path / "compose.yml").write_text(wrong)
    judged = dclint(tmp_path / "compose.yml")
    assert judged.returncode != 0
    assert "invalid-schema" in judged.stdout


def test_everything_that_is_mounted_from_here_is_here() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (FOLDER / source).exists(), volume


def test_our_version_is_the_one_that_is_built() -> None:
    (default,) = set(re.findall(r"VSA_VERSION:-([^}]+)", (FOLDER / "compose.yml").read_text()))
    assert default == __version__
    assert f"#VSA_VERSION={__version__}\n" in (FOLDER / ".env.example").read_text()


# ---------------------------------------------------------------------------- each is confined


@each
def test_it_has_no_privilege_that_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.keys() & {
        "privileged",
        "devices",
        "pid",
        "ipc",
        "userns_mode",
        "volumes_from",
    }
    added = {"CHOWN", "DAC_OVERRIDE", "FOWNER"} if name in ROOT else set()
    assert set(service.get("cap_add", ())) == added


@each
def test_it_runs_as_a_user_of_its_own(name: str) -> None:
    user, _, group = SERVICES[name]["user"].partition(":")
    assert user.isdecimal()
    assert group
    assert (user == "0") == (name in ROOT)
    assert name not in ROOT or SERVICES[name]["network_mode"] == "none"


@each
def test_it_has_limits(name: str) -> None:
    service = SERVICES[name]
    # More than one CPU, and Docker refuses to start it on a host that has one.
    assert 0 < service["cpus"] <= 1
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert 0 < service["pids_limit"] <= 256
    assert service["logging"]["driver"] == "json-file"
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}


@each
def test_its_image_is_pinned(name: str) -> None:
    image = SERVICES[name]["image"]
    if name in OURS:
        assert image == f"vsa-dashboard:${{VSA_VERSION:-{__version__}}}"
        assert SERVICES[name]["build"]["dockerfile"] == "compose/Dockerfile"
    else:
        assert re.fullmatch(r"[a-z/]+:v?\d+(\.\d+)+(-[a-z]+)?", image)


@each_standing
def test_it_comes_back_by_itself_and_tells_how_it_is(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    check = service["healthcheck"]
    assert check["test"][0] == "CMD"
    assert check.keys() >= {"interval", "timeout", "retries", "start_period"}


@pytest.mark.parametrize("name", sorted(PREPARING | TOOLS))
def test_what_ends_by_itself_is_not_started_again_nor_called_unhealthy(name: str) -> None:
    assert SERVICES[name]["restart"] == "no"
    assert SERVICES[name]["healthcheck"] == {"disable": True}


@pytest.mark.parametrize("name", ["dashboard-api", "exporter", "collector"])
def test_our_programs_are_asked_by_our_own_command(name: str) -> None:
    program = name.removeprefix("dashboard-")
    assert SERVICES[name]["command"] == [program]
    assert SERVICES[name]["healthcheck"]["test"] == ["CMD", "vsa", "health", program]


# ---------------------------------------------------------------------------- in which order


@each_standing
def test_nothing_starts_before_the_settings_were_found_good(name: str) -> None:
    assert "preflight" in set(_before(name))


def _before(name: str) -> Iterator[str]:
    for earlier, how in SERVICES[name].get("depends_on", {}).items():
        expected = {
            **dict.fromkeys(PREPARING, "service_completed_successfully"),
            "docker-proxy": "service_started",  # without it the rest is still worth having
        }
        assert how["condition"] == expected.get(earlier, "service_healthy")
        yield earlier
        yield from _before(earlier)


@pytest.mark.parametrize("name", ["dashboard-api", "collector", "exporter", "dashboard-ui"])
def test_who_reads_the_tables_waits_for_the_migrations(name: str) -> None:
    assert {"dashboard-db", "migrate"} <= set(_before(name))
