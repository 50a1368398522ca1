"""How targets fare: the newest outcome of each node and domain, and the lock that guards it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from registry.facts.checks import NodeCheck
from registry.facts.nodes import EngineFacts
from registry.facts.outcomes import Failure, HostKeyFailure
from registry.schedule import DomainLease, NodeLease
from registry.session import Connection
from registry.stored import clean_detail, decode, encode_rows

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Before:
    """What was known of a target before the result that is being recorded.

    `version` is the node's (0 for a domain); `failures` counts those since its last success.
    """

    version: int
    last_attempt_at: datetime | None
    last_success_at: datetime | None
    failures: int

    @property
    def failing(self) -> bool:
        """Whether its last probe failed."""
        return self.failures > 0

    def rising(self, finished_at: datetime) -> datetime:
        """Return `finished_at`, or later: the moments of one target rise, whatever clocks do."""
        if self.last_attempt_at is None:
            return finished_at
        return max(finished_at, self.last_attempt_at + _TICK)


# ---------------------------------------------------------------------------- locking

# The target's row is locked first, the schedule's second: the order in which a deletion takes them.
_LOCK_NODES = text("""
    SELECT s.lease_token, st.version, st.last_attempt_at, st.last_success_at,
           st.consecutive_failures
    FROM schedule s
    JOIN vps_nodes n ON n.id = s.node_id
    JOIN node_state st ON st.node_id = s.node_id
    WHERE s.node_id = ANY(CAST(:ids AS bigint[])) AND s.lease_token = ANY(CAST(:tokens AS uuid[]))
    ORDER BY s.node_id
    FOR KEY SHARE OF n FOR UPDATE OF s
""")

_LOCK_DOMAINS = text("""
    SELECT s.lease_token, 0 AS version, st.last_attempt_at, st.last_success_at,
           st.consecutive_failures
    FROM schedule s
    JOIN domains d ON d.id = s.domain_id
    JOIN domain_state st ON st.domain_id = s.domain_id
    WHERE s.domain_id = ANY(CAST(:ids AS bigint[])) AND s.lease_token = ANY(CAST(:tokens AS uuid[]))
    ORDER BY s.domain_id
    FOR KEY SHARE OF d FOR UPDATE OF s
""")


async def lock_nodes(tx: Connection, leases: Sequence[NodeLease]) -> dict[UUID, Before]:
    """Lock the nodes whose lease is still current until the transaction ends; return them by token."""
    ids = [lease.question.node_id for lease in leases]
    rows = await tx.execute(_LOCK_NODES, {"ids": ids, "tokens": [lease.token for lease in leases]})
    return {token: Before(*before) for token, *before in rows}


async def lock_domains(tx: Connection, leases: Sequence[DomainLease]) -> dict[UUID, Before]:
    """Lock the domains whose lease is still current until the transaction ends; return them by token."""
    ids = [lease.question.domain_id for lease in leases]
    rows = await tx.execute(
        _LOCK_DOMAINS, {"ids": ids, "tokens": [lease.token for lease in leases]}
    )
    return {token: Before(*before) for token, *before in rows}


# ---------------------------------------------------------------------------- writing

# A column that a row leaves out keeps what it holds; an engine that answers without TLS has no certificate.
_WRITE_NODES = text("""
    UPDATE node_state st
    SET version = r.version,
        last_attempt_at = r.last_attempt_at,
        last_success_at = coalesce(r.last_success_at, st.last_success_at),
        first_success_at = coalesce(st.first_success_at, r.last_success_at),
        failure_reason = r.failure_reason,
        failure_detail = r.failure_detail,
        shown_host_key = r.shown_host_key,
        consecutive_failures =
            CASE WHEN r.failure_reason IS NULL THEN 0 ELSE st.consecutive_failures + 1 END,
        scrapes_total = st.scrapes_total + 1,
        failures_total = st.failures_total + CAST(r.failure_reason IS NOT NULL AS int),
        engine = coalesce(r.engine, st.engine),
        cost = coalesce(r.cost, st.cost),
        disk = coalesce(r.disk, st.disk),
        certificate = CASE WHEN r.failure_reason IS NULL THEN r.certificate ELSE st.certificate END,
        last_check = coalesce(r.last_check, st.last_check),
        event_time_nano = coalesce(r.event_time_nano, st.event_time_nano),
        event_keys = coalesce(r.event_keys, st.event_keys)
    FROM json_populate_recordset(CAST(NULL AS node_state), CAST(:rows AS json)) r
    WHERE st.node_id = r.node_id
""")

_WRITE_DOMAINS = text("""
    UPDATE domain_state st
    SET last_attempt_at = r.last_attempt_at,
        last_success_at = coalesce(r.last_success_at, st.last_success_at),
        failure_reason = r.failure_reason,
        failure_detail = r.failure_detail,
        consecutive_failures =
            CASE WHEN r.failure_reason IS NULL THEN 0 ELSE st.consecutive_failures + 1 END,
        probes_total = st.probes_total + 1,
        failures_total = st.failures_total + CAST(r.failure_reason IS NOT NULL AS int)
    FROM json_populate_recordset(CAST(NULL AS domain_state), CAST(:rows AS json)) r
    WHERE st.domain_id = r.domain_id
""")


def outcome_row(at: datetime, failure: Failure | None) -> dict[str, object]:
    """Make the columns that tell of a probe's end, of a node as of a domain."""
    if failure is None:
        return {"last_attempt_at": at, "last_success_at": at}
    return {
        "last_attempt_at": at,
        "failure_reason": failure.reason,
        "failure_detail": clean_detail(failure.detail),
        "shown_host_key": failure.shown if isinstance(failure, HostKeyFailure) else None,
    }


async def write_node_states(tx: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Write the newest outcome of nodes; a row names columns of node_state."""
    if rows:
        await tx.execute(_WRITE_NODES, {"rows": encode_rows(rows)})


async def write_domain_states(tx: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Write the newest outcome of domains; a row names columns of domain_state."""
    if rows:
        await tx.execute(_WRITE_DOMAINS, {"rows": encode_rows(rows)})


# ---------------------------------------------------------------------------- reading

_READ_ENGINES = text("""
    SELECT node_id, engine FROM node_state
    WHERE node_id = ANY(CAST(:ids AS bigint[])) AND engine IS NOT NULL
""")


_READ_SAME_ENGINES = text("""
    SELECT mine.node_id, array_agg(n.name ORDER BY n.name) AS names
    FROM node_state mine
    JOIN node_state other ON other.engine ->> 'engine_id' = mine.engine ->> 'engine_id'
                         AND other.node_id <> mine.node_id
    JOIN vps_nodes n ON n.id = other.node_id AND n.enabled
    WHERE mine.node_id = ANY(CAST(:ids AS bigint[])) AND mine.engine ->> 'engine_id' <> ''
    GROUP BY mine.node_id
""")


async def read_same_engines(tx: Connection, node_ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the names of other enabled nodes whose engine has the same id, where there are any.

    One engine that was registered twice, or a machine that was cloned with its engine's id: nobody
    can tell which from here, so they are named and not merged.
    """
    rows = await tx.execute(_READ_SAME_ENGINES, {"ids": list(node_ids)})
    return {row.node_id: row.names for row in rows}


async def forget_check(tx: Connection, node_id: int) -> None:
    """Forget a node's last check, so that what is read after the next one is no other's."""
    query = text("UPDATE node_state SET last_check = NULL WHERE node_id = :id")
    await tx.execute(query, {"id": node_id})


async def read_check(tx: Connection, node_id: int) -> NodeCheck | None:
    """Return what the last check of a node told; None where none was made."""
    query = text("SELECT last_check FROM node_state WHERE node_id = :id")
    found = (await tx.execute(query, {"id": node_id})).scalar_one_or_none()
    return None if found is None else decode(found, NodeCheck)


async def read_engines(tx: Connection, node_ids: Sequence[int]) -> dict[int, EngineFacts]:
    """Return the engines of those nodes that were ever seen."""
    rows = await tx.execute(_READ_ENGINES, {"ids": list(node_ids)})
    return {node_id: decode(engine, EngineFacts) for node_id, engine in rows}
