"""The audit trail: what may be asked of it."""

from __future__ import annotations

from typing import Literal

from api.schemas.listing import ListQuery, Query
from api.schemas.values import Moment, PlainText
from registry.audit import AuditFilter


class AuditQuery(Query):
    """Filters for audit entries: all must hold; from `since`, before `until`."""

    actor: PlainText | None = None
    action: PlainText | None = None
    target: PlainText | None = None
    result: PlainText | None = None
    since: Moment | None = None
    until: Moment | None = None

    def filter(self) -> AuditFilter:
        """Return them as the registry takes them."""
        return AuditFilter(
            actor=self.actor,
            action=self.action,
            target=self.target,
            result=self.result,
            since=self.since,
            until=self.until,
        )


class AuditListQuery(AuditQuery, ListQuery):
    """Filters, and which page of what they leave."""


class ExportQuery(AuditQuery):
    """Filters, and how to write what they leave."""

    format: Literal["csv", "json", "ndjson"] = "csv"
