"""What an installation watches of itself from its first start on: its own engine, its own domain.

Each is registered once, and the audit trail remembers it: what a person changes or deletes stays so.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from itertools import count
from pathlib import Path

from sqlalchemy import select, text

from registry.audit import Actor
from registry.domains import DomainSpec, create_domain
from registry.errors import Conflict
from registry.models import audit_logs, vps_nodes
from registry.nodes import NodeSpec, create_node
from registry.session import Connection
from registry.settings import Settings

_SETTINGS = Actor("settings")


async def watch_own(tx: Connection, settings: Settings, now: datetime) -> None:
    """Register the engine of VSA_DOCKER_HOST and the domain of VSA_DASHBOARD_DOMAIN, once ever.

    Several API processes may start at once: the second waits, then finds it done.
    """
    await tx.execute(text("SELECT pg_advisory_xact_lock(hashtext('vsa own targets'))"))
    if settings.docker_host:
        await _watch_engine(tx, settings.docker_host, now)
    if settings.dashboard_domain:
        await _watch_domain(tx, settings.dashboard_domain, now)


async def _watch_engine(tx: Connection, url: str, now: datetime) -> None:
    if await _was_registered(tx, "node.create", "docker_url", url):
        return
    rows = await tx.execute(select(vps_nodes.c.name, vps_nodes.c.docker_url))
    nodes = {row.name: row.docker_url for row in rows}
    if not any(same_engine(other, url) for other in nodes.values()):
        await create_node(tx, NodeSpec(machine_name(nodes), url), _SETTINGS, now)


async def _watch_domain(tx: Connection, name: str, now: datetime) -> None:
    if await _was_registered(tx, "domain.create", "name", name):
        return
    with suppress(Conflict):  # a person was first
        await create_domain(tx, DomainSpec(name), _SETTINGS, now)


async def _was_registered(tx: Connection, action: str, field: str, value: str) -> bool:
    entries = select(audit_logs.c.id).where(
        audit_logs.c.actor == _SETTINGS.name,
        audit_logs.c.action == action,
        audit_logs.c.after[field].astext == value,
    )
    return (await tx.execute(entries.limit(1))).first() is not None


def same_engine(url: str, other: str) -> bool:
    """Tell whether two URLs lead to one socket: /var/run is a link to /run on most systems."""
    return _real(url) == _real(other)


def _real(url: str) -> str:
    return str(Path(url.removeprefix("unix://")).resolve())


def machine_name(taken: Collection[str]) -> str:
    """Return this machine's name as a node can have it and no other node has."""
    name = re.sub(r"[^a-z0-9._-]", "-", socket.gethostname().lower()).lstrip("._-")[:60] or "local"
    numbered = (f"{name}-{number}" for number in count(2))
    return name if name not in taken else next(one for one in numbered if one not in taken)
