"""The tables, as SQLAlchemy Core sees them; migrations/ makes them, a test proves the two equal.

No column has a default that reads a clock: time is read once and passed in.
"""

from registry.models.access import audit_head, audit_logs, tokens
from registry.models.base import metadata
from registry.models.domains import (
    certificate_changes,
    certificates,
    domain_state,
    endpoints,
    known_certificates,
    served_certificates,
)
from registry.models.nodes import (
    container_snapshots,
    event_counters,
    events,
    node_gaps,
    node_samples,
    node_state,
)
from registry.models.targets import (
    authorities,
    collectors,
    credentials,
    domains,
    schedule,
    vps_nodes,
)

__all__ = (
    "audit_head",
    "audit_logs",
    "authorities",
    "certificate_changes",
    "certificates",
    "collectors",
    "container_snapshots",
    "credentials",
    "domain_state",
    "domains",
    "endpoints",
    "event_counters",
    "events",
    "known_certificates",
    "metadata",
    "node_gaps",
    "node_samples",
    "node_state",
    "schedule",
    "served_certificates",
    "tokens",
    "vps_nodes",
)
