from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from registry.audit import Actor, AuditFilter, list_entries
from registry.domains import DomainSpec, create_domain, delete_domain, list_domains
from registry.nodes import NodeSpec, create_node, delete_node, list_nodes, update_node
from registry.own import machine_name, same_engine, watch_own
from registry.rules import node_name
from registry.session import Connection, Engine
from registry.settings import Settings, read_settings
from tests.registry.targets import NOW, later

SOCKET = "unix:///run/docker-proxy/docker.sock"
DOMAIN = "dash.example.com"
ADMIN = Actor("admin")


@pytest.fixture
def settings() -> Settings:
    return read_settings({"VSA_DOCKER_HOST": SOCKET, "VSA_DASHBOARD_DOMAIN": DOMAIN})


async def watched(tx: Connection) -> tuple[list[str], list[str]]:
    nodes = await list_nodes(tx, limit=9)
    domains = await list_domains(tx, limit=9)
    return [node.docker_url for node in nodes.items], [domain.name for domain in domains.items]


async def entries(tx: Connection) -> list[tuple[str, str]]:
    page = await list_entries(tx, AuditFilter(), limit=99)
    return [(entry.actor, entry.action) for entry in reversed(page.items)]


async def test_the_first_start_watches_its_own_engine_and_domain(
    tx: Connection, settings: Settings
) -> None:
    await watch_own(tx, settings, NOW)
    assert await watched(tx) == ([SOCKET], [DOMAIN])
    assert await entries(tx) == [("settings", "node.create"), ("settings", "domain.create")]
    due = "SELECT count(*) FROM schedule WHERE next_due_at = :now"
    assert await tx.scalar(text(due), {"now": NOW}) == 2


async def test_without_the_settings_nothing_is_watched(tx: Connection) -> None:
    await watch_own(tx, read_settings({}), NOW)
    assert await watched(tx) == ([], [])


async def test_the_next_start_changes_nothing(tx: Connection, settings: Settings) -> None:
    await watch_own(tx, settings, NOW)
    await watch_own(tx, settings, later(60))
    assert len(await entries(tx)) == 2


async def test_what_a_person_deleted_stays_deleted(tx: Connection, settings: Settings) -> None:
    await watch_own(tx, settings, NOW)
    (node,) = (await list_nodes(tx, limit=9)).items
    (domain,) = (await list_domains(tx, limit=9)).items
    await delete_node(tx, node.name, ADMIN, later(1))
    await delete_domain(tx, domain.id, ADMIN, later(1))
    await watch_own(tx, settings, later(2))
    assert await watched(tx) == ([], [])


async def test_what_a_person_changed_stays_changed(tx: Connection, settings: Settings) -> None:
    await watch_own(tx, settings, NOW)
    (node,) = (await list_nodes(tx, limit=9)).items
    changes = {"name": "mine", "docker_url": "unix:///run/other.sock"}
    await update_node(tx, node.name, changes, ADMIN, later(1))
    await watch_own(tx, settings, later(2))
    assert (await watched(tx))[0] == ["unix:///run/other.sock"]


async def test_what_a_person_watches_already_is_not_watched_twice(
    tx: Connection, settings: Settings
) -> None:
    await create_node(tx, NodeSpec("mine", SOCKET), ADMIN, NOW)
    await create_domain(tx, DomainSpec(DOMAIN), ADMIN, NOW)
    await watch_own(tx, settings, later(1))
    assert await watched(tx) == ([SOCKET], [DOMAIN])
    assert {actor for actor, _ in await entries(tx)} == {"admin"}


async def test_a_node_of_this_machine_s_name_leaves_room_for_it(
    tx: Connection, settings: Settings
) -> None:
    await create_node(tx, NodeSpec(machine_name(()), "unix:///run/other.sock"), ADMIN, NOW)
    await watch_own(tx, settings, later(1))
    assert len((await watched(tx))[0]) == 2


async def test_a_new_domain_of_the_settings_is_watched_beside_the_old(
    tx: Connection, settings: Settings
) -> None:
    await watch_own(tx, settings, NOW)
    other = settings.model_copy(update={"dashboard_domain": "vsa.example.com"})
    await watch_own(tx, other, later(1))
    assert (await watched(tx))[1] == [DOMAIN, "vsa.example.com"]


async def test_programs_that_start_at_once_register_once(
    engine: Engine, settings: Settings
) -> None:
    async def start() -> None:
        async with engine.begin() as tx:
            await watch_own(tx, settings, NOW)

    await asyncio.gather(*(start() for _ in range(5)))
    async with engine.begin() as tx:
        assert await watched(tx) == ([SOCKET], [DOMAIN])
        assert len(await entries(tx)) == 2


def test_a_link_leads_to_the_same_engine(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "var").symlink_to(tmp_path / "run")
    assert same_engine(f"unix://{tmp_path}/var/d.sock", f"unix://{tmp_path}/run/d.sock")
    assert not same_engine(f"unix://{tmp_path}/var/d.sock", f"unix://{tmp_path}/run/e.sock")


def test_a_name_is_valid_and_not_taken() -> None:
    first = machine_name(())
    assert node_name(first) == first
    assert machine_name({first}) == f"{first}-2"
    assert machine_name({first, f"{first}-2"}) == f"{first}-3"
