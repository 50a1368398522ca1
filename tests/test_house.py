"""The house's walls: which room may import which, and which library has which door."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("api", "cli", "collector", "exporter", "grafana", "migrations", "registry")

ARROWS = {
    "registry": set[str](),
    "migrations": {"registry"},
    "collector": {"registry"},
    "exporter": {"registry"},
    "grafana": set(),
    "api": {"registry"},
    "cli": {"api", "collector", "exporter", "migrations", "registry"},
}
DOORS = {
    "sqlalchemy": {"registry", "migrations"},
    "psycopg": {"registry", "migrations"},
    "alembic": {"registry", "migrations"},
    "prometheus_client": {"exporter"},
    "fastapi": {"api"},
    "aiohttp": {"collector"},
    "asyncssh": {"collector"},
    "docker": {"collector"},
    "OpenSSL": {"collector"},
    "typer": {"cli"},
    "rich": {"cli"},
    "grafana_foundation_sdk": {"grafana"},
}
PROBES = ("collector/docker", "collector/tls")
# The words of the house, and what reads a certificate: it comes by the wire, from files and by upload.
READING = ("registry.facts", "registry.server_names", "registry.x509")


def modules(folder: str) -> Iterator[Path]:
    return (ROOT / folder).rglob("*.py")


def imports(path: Path) -> Iterator[str]:
    """Every dotted name that a file imports, deferred and type-checking imports included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def outside(path: Path, allowed: set[str], judged: tuple[str, ...]) -> list[str]:
    tops = {name: name.partition(".")[0] for name in imports(path)}
    return [name for name, top in tops.items() if top in judged and top not in allowed]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_below_it(room: str) -> None:
    allowed = ARROWS[room] | {room}
    strays = {str(path): outside(path, allowed, ROOMS) for path in modules(room)}
    assert not {path: names for path, names in strays.items() if names}


@pytest.mark.parametrize("probe", PROBES)
def test_a_probe_knows_the_facts_and_itself_and_nothing_else_of_the_house(probe: str) -> None:
    own = (probe.replace("/", "."), "collector.resolver", *READING)
    strays = [
        f"{path}: {name}"
        for path in modules(probe)
        for name in imports(path)
        if name.partition(".")[0] in ROOMS and not name.startswith(own)
    ]
    assert not strays


@pytest.mark.parametrize("library", DOORS)
def test_a_library_comes_in_by_its_own_door(library: str) -> None:
    rooms = [room for room in ROOMS if room not in DOORS[library]]
    strays = [
        f"{path}: {name}"
        for room in rooms
        for path in modules(room)
        for name in outside(path, set(), (library,))
    ]
    assert not strays


def test_the_environment_is_read_in_one_place() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in modules(room)
        if {"os.environ", "os.getenv"} & set(_attributes(path))
    }
    assert readers == {"registry/settings.py"}


def _attributes(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"
