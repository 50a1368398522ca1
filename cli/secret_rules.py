"""What the stack's .env must hold before anything starts, and what is wrong with the one that is there."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping

# Each opens something of its own; compose/.env.example says what.
SECRETS = (
    "POSTGRES_PASSWORD",
    "VSA_OWNER_PASSWORD",
    "VSA_PROGRAM_PASSWORD",
    "VSA_EXPORTER_PASSWORD",
    "VSA_GRAFANA_PASSWORD",
    "VSA_GRAFANA_SECRET_KEY",
    "VSA_API_TOKEN",
    "VSA_PROXY_TOKEN",
    "VSA_PROMETHEUS_TOKEN",
    "VSA_SECRET_KEY",
)
# Came with a later release: an .env without its line goes on as before.
OPTIONAL = ("VSA_EXPORTER_PASSWORD",)
DOMAIN = "DASHBOARD_DOMAIN"
DOCKER_GID = "DOCKER_GID"

_SHORTEST = 16
_PLACEHOLDER = re.compile(r".*(change|replace).?(me|this).*|placeholder|<.*>|x+", re.IGNORECASE)
# What stands in a URL, a header and NGINX's configuration without quoting.
_PLAIN = re.compile(r"[A-Za-z0-9._~-]+")
_DOMAIN_NAME = re.compile(
    r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]"
)


def new_secret() -> str:
    """Make a secret of 256 random bits."""
    return secrets.token_hex(32)


def is_unset(value: str | None) -> bool:
    """Say whether a value is still to be made: missing, empty or a placeholder."""
    return not value or bool(_PLACEHOLDER.fullmatch(value))


def faults(values: Mapping[str, str]) -> list[str]:
    """Say what is wrong, a line each, without quoting a value."""
    rules: dict[str, Callable[[str], str]] = {DOMAIN: domain_fault, DOCKER_GID: gid_fault}
    rules |= dict.fromkeys(SECRETS, _secret_fault)
    rules = {name: rule for name, rule in rules.items() if values.get(name) or name not in OPTIONAL}
    said = {name: _fault(values.get(name, ""), rule) for name, rule in rules.items()}
    return [f"{name}: {fault}" for name, fault in (said | _alike(values, said)).items() if fault]


def domain_fault(name: str) -> str:
    """Say what is wrong with the dashboard's DNS name, nothing if it can be one."""
    return (
        ""
        if _DOMAIN_NAME.fullmatch(name)
        else "must be a DNS name in lower case, such as dash.example.com"
    )


def gid_fault(number: str) -> str:
    """Say what is wrong with the number of a group, nothing if it can be one."""
    is_number = number.isascii() and number.isdecimal()
    return "" if is_number else "must be a number: stat -c %g /var/run/docker.sock"


def _fault(value: str, rule: Callable[[str], str]) -> str:
    if not value:
        return "is missing"
    return "is still a placeholder" if is_unset(value) else rule(value)


def _secret_fault(value: str) -> str:
    if len(value) < _SHORTEST:
        return f"must have at least {_SHORTEST} characters"
    if not _PLAIN.fullmatch(value):
        return "must hold only A-Z, a-z, 0-9 and . _ ~ -"
    if len(set(value)) < _SHORTEST // 2:
        return "can be guessed"
    return ""


def _alike(values: Mapping[str, str], said: Mapping[str, str]) -> dict[str, str]:
    """Name each secret that is the same as one before it: one that leaks must not open two doors."""
    first: dict[str, str] = {}
    good = [name for name in SECRETS if said.get(name) == ""]
    for name in good:
        first.setdefault(values[name], name)
    return {
        name: f"must differ from {first[values[name]]}"
        for name in good
        if first[values[name]] != name
    }
