"""The stack's services, as compose.yml lays them out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "compose"


def document(name: str = "compose.yml") -> dict[str, Any]:
    """Return a file of Compose, its anchors resolved."""
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return loaded


SERVICES: Mapping[str, dict[str, Any]] = document()["services"]
PREPARING = {"preflight", "migrate"}
TOOLS = {name for name, service in SERVICES.items() if service.get("profiles") == ["tools"]}
STANDING = sorted(SERVICES.keys() - PREPARING - TOOLS)
OURS = sorted({*PREPARING, *TOOLS, "collector", "exporter", "dashboard-api"})


def networks(name: str) -> set[str]:
    """Name the networks of a service."""
    return set(SERVICES[name].get("networks", ()))


def environment(name: str) -> Mapping[str, str]:
    """Return what a service has in its environment."""
    found: Mapping[str, str] = SERVICES[name].get("environment", {})
    return found


def variables(value: object) -> set[str]:
    """Name what Compose takes from .env in a value."""
    return set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", yaml.safe_dump(value, width=10_000)))
