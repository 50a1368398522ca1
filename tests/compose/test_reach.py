"""The stack as compose.yml lays it out: who reaches whom, and who knows which secret."""

from __future__ import annotations

import re

import pytest

from cli.secret_rules import SECRETS
from registry.settings import Settings, read_settings
from tests.compose.stack import (
    FOLDER,
    OURS,
    SERVICES,
    document,
    environment,
    networks,
    variables,
)

# ---------------------------------------------------------------------------- who reaches whom


def leading_out(file: str) -> set[str]:
    """The networks from which a connection gets to strangers: published ports take none of it."""
    no_answer = ("com.docker.network.bridge.enable_ip_masquerade", "false")
    return {
        name
        for name, how in document(file)["networks"].items()
        if not how.get("internal") and no_answer not in how.get("driver_opts", {}).items()
    }


def test_nginx_alone_has_ports() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"nginx"}
    assert SERVICES["nginx"]["ports"] == ["80:8080", "443:8443"]
    assert not [name for name, service in SERVICES.items() if service.get("network_mode") == "host"]


def test_on_a_host_with_its_own_nginx_two_ports_are_on_its_loopback() -> None:
    override = document("host-nginx.yml")["services"]
    ports = {name: service["ports"] for name, service in override.items()}
    assert ports == {
        "dashboard-api": ["127.0.0.1:8000:8000"],
        "dashboard-ui": ["127.0.0.1:3000:3000"],
    }


def test_only_those_reach_the_database_who_must() -> None:
    assert document()["networks"]["database"] == {"internal": True}
    assert {name for name in SERVICES if "database" in networks(name)} == {
        "dashboard-db",
        "migrate",
        "dashboard-api",
        "collector",
        "exporter",
        "dashboard-ui",
    }
    assert networks("dashboard-db") == {"database"}


def test_only_those_reach_alertmanager_who_raise_and_count_alerts() -> None:
    assert document()["networks"]["alerts"] == {"internal": True}
    assert networks("alertmanager") == {"alerts", "outside"}
    assert {name for name in SERVICES if "alerts" in networks(name)} == {
        "alertmanager",
        "prometheus",
        "dashboard-api",
    }


def test_only_those_have_a_way_out_who_ask_strangers() -> None:
    outside = {name for name in SERVICES if networks(name) & leading_out("compose.yml")}
    assert outside == {"collector", "alertmanager", "certbot"}
    assert not leading_out("host-nginx.yml")
    assert all(
        networks(name) or service.get("network_mode") == "none"
        for name, service in SERVICES.items()
    )


def test_grafana_believes_nginx_s_address_alone() -> None:
    network = "${DASHBOARD_NETWORK:-172.31.255}"
    nginx = SERVICES["nginx"]["networks"]["web"]["ipv4_address"]
    assert environment("dashboard-ui")["GF_AUTH_PROXY_WHITELIST"] == nginx == f"{network}.10"
    assert {name for name in SERVICES if "web" in networks(name)} == {
        "nginx",
        "dashboard-api",
        "dashboard-ui",
    }
    (web,) = document()["networks"]["web"]["ipam"]["config"]
    assert web == {"subnet": f"{network}.0/28", "ip_range": f"{network}.0/29"}, "others get .10"
    override = document("host-nginx.yml")
    gateway = override["networks"]["host"]["ipam"]["config"][0]["gateway"]
    believed = override["services"]["dashboard-ui"]["environment"]["GF_AUTH_PROXY_WHITELIST"]
    assert believed == gateway


def test_the_engine_s_socket_is_in_the_allow_list_s_container_alone() -> None:
    holders = {
        name: volume
        for name, service in SERVICES.items()
        for volume in service.get("volumes", ())
        if "docker.sock" in volume or volume.startswith(("/:", "/var", "/run", "/etc"))
    }
    assert holders == {
        "docker-proxy": "${DOCKER_SOCKET:-/var/run/docker.sock}:/var/run/docker.sock:ro"
    }
    assert SERVICES["docker-proxy"]["network_mode"] == "none"
    shared = {
        name: volume
        for name, service in SERVICES.items()
        for volume in service.get("volumes", ())
        if volume.startswith("docker-proxy:")
    }
    assert shared == {
        "docker-proxy": "docker-proxy:/run/docker-proxy",
        "collector": "docker-proxy:/run/docker-proxy:ro",
    }


# ---------------------------------------------------------------------------- who knows what


def test_each_secret_reaches_those_alone_who_need_it() -> None:
    knows = {
        secret: {name for name in SERVICES if secret in variables(SERVICES[name])} - {"preflight"}
        for secret in (*SECRETS, "VSA_SMTP_PASSWORD", "VSA_ALERT_WEBHOOK_URL")
    }
    programs = {"migrate", "dashboard-api", "collector", "exporter"}
    assert knows == {
        "POSTGRES_PASSWORD": {"dashboard-db"},
        "VSA_OWNER_PASSWORD": {"dashboard-db", "migrate"},
        "VSA_PROGRAM_PASSWORD": {"dashboard-db", *programs},
        "VSA_EXPORTER_PASSWORD": {"dashboard-db", "exporter"},
        "VSA_GRAFANA_PASSWORD": {"dashboard-db", "dashboard-ui"},
        "VSA_GRAFANA_SECRET_KEY": {"dashboard-ui"},
        "VSA_API_TOKEN": {"dashboard-api"},
        "VSA_PROXY_TOKEN": {"dashboard-api", "nginx"},
        "VSA_PROMETHEUS_TOKEN": {"dashboard-api"},
        "VSA_SECRET_KEY": {"dashboard-api", "collector"},
        "VSA_SMTP_PASSWORD": set(),
        "VSA_ALERT_WEBHOOK_URL": set(),
    }


def test_no_secret_stands_on_a_command_line() -> None:
    for name, service in SERVICES.items():
        shown = [service.get(key) for key in ("command", "entrypoint", "healthcheck", "hostname")]
        assert not variables(shown) & set(SECRETS), name


def test_every_variable_is_explained_and_every_explained_one_is_used() -> None:
    of_compose_itself = {"COMPOSE_PROFILES"}
    used = variables(document()) | variables(document("host-nginx.yml")) | of_compose_itself
    text = (FOLDER / ".env.example").read_text(encoding="utf-8")
    explained = re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE)
    assert sorted(explained) == sorted(used)


def test_a_variable_has_one_default_which_the_example_names() -> None:
    text = "".join((FOLDER / name).read_text() for name in ("compose.yml", "host-nginx.yml"))
    assert not re.search(r"(?<!\$)\$\{[A-Z_]+\}", text), (
        "Compose would warn of it before preflight can"
    )
    # The exporter's fallback is another variable.
    written = set(re.findall(r"\$\{([A-Z_]+):-([^}$]*)\}", text)) - {("DOCKER_GID", "101")}
    defaults = dict(written)
    assert len(defaults) == len(written)
    example = (FOLDER / ".env.example").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^#([A-Z_]+)=(.*)$", example, re.MULTILINE))
    assert {name: value for name, value in shown.items() if defaults[name]} == {
        name: value for name, value in defaults.items() if value
    }


@pytest.mark.parametrize("name", OURS)
def test_our_settings_are_such_as_our_programs_know(name: str) -> None:
    passed = {key for key in environment(name) if key.startswith("VSA_")}
    known = {f"VSA_{field.upper()}" for field in Settings.model_fields}
    assert passed - known <= {*SECRETS}
    read_settings(dict.fromkeys(passed, ""))
