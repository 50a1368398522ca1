"""Who is due, and when next: targets leased to collectors by PostgreSQL (docs/adr/0004)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import text

from registry.credentials import Keyring
from registry.facts.domains import DomainQuestion, StartTls
from registry.facts.nodes import EventCursor, NodeQuestion
from registry.session import Connection
from registry.settings import Settings
from registry.ticks import next_due, pause_after

# What a collector may take to record an answer, beyond the target's own time-out.
_LEASE_MARGIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for a target that sets nothing of its own: seconds, and bytes for each response."""

    scrape_interval: float
    scrape_timeout: float
    probe_interval: float
    probe_timeout: float
    max_response_bytes: int

    @classmethod
    def of(cls, settings: Settings) -> Defaults:
        """Take them from the settings."""
        return cls(
            scrape_interval=settings.scrape_interval,
            scrape_timeout=settings.scrape_timeout,
            probe_interval=settings.probe_interval,
            probe_timeout=settings.probe_timeout,
            max_response_bytes=settings.max_response_bytes,
        )


@dataclass(frozen=True, slots=True)
class NodeLease:
    """The right to ask one node. `version` is its state's, `interval` in seconds.

    `is_check`: somebody waits to be told of each step.
    """

    token: UUID
    question: NodeQuestion
    version: int
    interval: float
    claimed_at: datetime
    is_check: bool = False


@dataclass(frozen=True, slots=True)
class DomainLease:
    """The right to ask one domain. `interval` in seconds."""

    token: UUID
    question: DomainQuestion
    interval: float
    claimed_at: datetime


# ---------------------------------------------------------------------------- claiming

_CLAIM_NODES = text("""
    WITH due AS (
        SELECT s.id
        FROM schedule s JOIN vps_nodes n ON n.id = s.node_id
        WHERE n.enabled
          AND s.next_due_at <= :now AND (s.lease_until IS NULL OR s.lease_until <= :now)
        ORDER BY s.next_due_at
        LIMIT :limit
        FOR UPDATE OF s SKIP LOCKED
    )
    UPDATE schedule s
    SET lease_token = gen_random_uuid(),
        lease_until = :now + make_interval(secs => coalesce(n.timeout_seconds, :timeout) + :margin)
    FROM due, vps_nodes n LEFT JOIN credentials c ON c.id = n.credential_id, node_state st
    WHERE s.id = due.id AND n.id = s.node_id AND st.node_id = s.node_id
    RETURNING s.lease_token, s.check_wished IS TRUE AS check_wished,
              n.id, n.name, n.docker_url, n.host_key,
              c.id AS credential_id, c.version AS credential_version,
              st.version, st.event_time_nano, st.event_keys,
              coalesce(n.interval_seconds, :interval) AS interval,
              coalesce(n.timeout_seconds, :timeout) AS time_limit
""")

_CLAIM_DOMAINS = text("""
    WITH due AS (
        SELECT s.id
        FROM schedule s JOIN domains d ON d.id = s.domain_id
        WHERE d.enabled
          AND s.next_due_at <= :now AND (s.lease_until IS NULL OR s.lease_until <= :now)
        ORDER BY s.next_due_at
        LIMIT :limit
        FOR UPDATE OF s SKIP LOCKED
    )
    UPDATE schedule s
    SET lease_token = gen_random_uuid(),
        lease_until = :now + make_interval(secs => coalesce(d.timeout_seconds, :timeout) + :margin)
    FROM due, domains d LEFT JOIN vps_nodes n ON n.id = d.node_id
    WHERE s.id = due.id AND d.id = s.domain_id
    RETURNING s.lease_token, d.id, d.name, d.port, d.starttls, n.docker_url AS node_url,
              coalesce(d.server_name, d.name) AS server_name,
              ARRAY(SELECT a.der FROM authorities a
                    WHERE a.domain_id IS NULL OR a.domain_id = d.id ORDER BY a.id) AS authorities,
              coalesce(d.interval_seconds, :interval) AS interval,
              coalesce(d.timeout_seconds, :timeout) AS time_limit
""")


async def claim_nodes(
    tx: Connection, now: datetime, limit: int, defaults: Defaults, keyring: Keyring
) -> list[NodeLease]:
    """Lease up to `limit` enabled nodes that are due and leased to nobody, the longest due first."""
    values = _claim_values(now, limit, defaults.scrape_interval, defaults.scrape_timeout)
    rows = (await tx.execute(_CLAIM_NODES, values)).all()
    await keyring.load(
        tx, ((row.credential_id, row.credential_version) for row in rows if row.credential_id)
    )
    return [
        NodeLease(
            token=row.lease_token,
            question=NodeQuestion(
                node_id=row.id,
                name=row.name,
                docker_url=row.docker_url,
                time_limit=row.time_limit,
                max_bytes=defaults.max_response_bytes,
                cursor=_cursor(row.event_time_nano, row.event_keys),
                credential=keyring[row.credential_id] if row.credential_id else None,
                host_key=row.host_key or "",
            ),
            version=row.version,
            interval=row.interval,
            claimed_at=now,
            is_check=row.check_wished,
        )
        for row in rows
    ]


async def claim_domains(
    tx: Connection, now: datetime, limit: int, defaults: Defaults
) -> list[DomainLease]:
    """Lease up to `limit` enabled domains that are due and leased to nobody, the longest due first."""
    values = _claim_values(now, limit, defaults.probe_interval, defaults.probe_timeout)
    return [
        DomainLease(
            token=row.lease_token,
            question=DomainQuestion(
                domain_id=row.id,
                name=row.name,
                port=row.port,
                starttls=StartTls(row.starttls),
                server_name=row.server_name,
                time_limit=row.time_limit,
                node_host=_host(row.node_url or ""),
                authorities=tuple(row.authorities),
            ),
            interval=row.interval,
            claimed_at=now,
        )
        for row in await tx.execute(_CLAIM_DOMAINS, values)
    ]


def _host(docker_url: str) -> str:
    """Return the host of a node's URL; none where it is a socket of the collector's own."""
    return "" if docker_url.startswith("unix:") else urlsplit(docker_url).hostname or ""


def _claim_values(
    now: datetime, limit: int, interval: float, timeout: float
) -> dict[str, datetime | float]:
    return {
        "now": now,
        "limit": limit,
        "interval": interval,
        "timeout": timeout,
        "margin": _LEASE_MARGIN_SECONDS,
    }


def _cursor(time_nano: int | None, keys: Sequence[str]) -> EventCursor | None:
    return None if time_nano is None else EventCursor(time_nano, tuple(keys))


# ---------------------------------------------------------------------------- settling

_SETTLE_NODES = text("""
    UPDATE schedule s
    SET next_due_at = due.at, lease_until = NULL, lease_token = NULL, check_wished = NULL
    FROM unnest(CAST(:ids AS bigint[]), CAST(:moments AS timestamptz[])) AS due (id, at)
    WHERE s.node_id = due.id
""")

_SETTLE_DOMAINS = text("""
    UPDATE schedule s
    SET next_due_at = due.at, lease_until = NULL, lease_token = NULL
    FROM unnest(CAST(:ids AS bigint[]), CAST(:moments AS timestamptz[])) AS due (id, at)
    WHERE s.domain_id = due.id
""")

_REQUEST_NOW = text("""
    UPDATE schedule
    SET next_due_at = :now, lease_until = NULL, lease_token = NULL
    WHERE node_id = CAST(:node_id AS bigint) OR domain_id = CAST(:domain_id AS bigint)
""")

# One statement, which locks the row: what is read beside it then is of the same moment.
_REQUEST_PROBE = text("""
    UPDATE schedule
    SET next_due_at = CASE WHEN lease_until > :now THEN next_due_at ELSE least(next_due_at, :now) END,
        lease_token = CASE WHEN lease_until > :now THEN lease_token END,
        lease_until = CASE WHEN lease_until > :now THEN lease_until END,
        check_wished = check_wished IS TRUE OR :check
    WHERE node_id = CAST(:node_id AS bigint) OR domain_id = CAST(:domain_id AS bigint)
    RETURNING lease_token
""")


async def settle_nodes(tx: Connection, answered: Sequence[tuple[NodeLease, datetime, int]]) -> None:
    """End leases whose answer came at a moment, and was a failure for so many times in a row.

    Each node is due at its next tick after it, a dead one at a later one.
    """
    ids = [lease.question.node_id for lease, _, _ in answered]
    moments = [
        _next_tick(
            lease,
            at + timedelta(seconds=pause_after(failures, lease.interval) - lease.interval),
            f"node/{lease.question.node_id}",
        )
        for lease, at, failures in answered
    ]
    if ids:
        await tx.execute(_SETTLE_NODES, {"ids": ids, "moments": moments})


async def settle_domains(tx: Connection, answered: Sequence[tuple[DomainLease, datetime]]) -> None:
    """End leases whose answer came at a moment: each domain is due at its next tick after it."""
    ids = [lease.question.domain_id for lease, _ in answered]
    moments = [
        _next_tick(lease, at, f"domain/{lease.question.domain_id}") for lease, at in answered
    ]
    if ids:
        await tx.execute(_SETTLE_DOMAINS, {"ids": ids, "moments": moments})


def _next_tick(lease: NodeLease | DomainLease, at: datetime, identity: str) -> datetime:
    # A collector's clock may lag a little: the tick that was claimed is never due a second time.
    return next_due(max(at, lease.claimed_at), lease.interval, identity)


async def request_now(
    tx: Connection,
    *,
    node_id: int | None = None,
    domain_id: int | None = None,
    now: datetime,
) -> None:
    """Make a target due at once that was edited: an answer under way is of what it was, and discarded."""
    await tx.execute(_REQUEST_NOW, {"node_id": node_id, "domain_id": domain_id, "now": now})


async def request_probe(
    tx: Connection,
    *,
    node_id: int | None = None,
    domain_id: int | None = None,
    now: datetime,
    check: bool = False,
) -> UUID | None:
    """Make a target due at once, unless it is being asked: then return the token of that lease.

    With `check` the next scrape of a node is to tell of its steps.

    A wish never ends a lease: wishes that came faster than the target answers would starve it.
    Whoever wants a probe that began after the wish asks again once another token, or none, holds.
    """
    values = {"node_id": node_id, "domain_id": domain_id, "now": now, "check": check}
    token: UUID | None = (await tx.execute(_REQUEST_PROBE, values)).scalar_one_or_none()
    return token
