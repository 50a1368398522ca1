"""The audit trail: who changed what."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from api.context import Snapshot, Tx
from api.exports import FORMATS, in_chunks
from api.schemas.audit import AuditListQuery, ExportQuery
from api.schemas.listing import Listing
from registry import audit
from registry.audit import AuditEntry
from registry.paging import Page

router = APIRouter(prefix="/audit-logs", tags=["audit"])

HEAD = "X-VSA-Audit-Head"
_EXPORT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The entries, oldest first.",
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
            "application/x-ndjson": {"schema": {"type": "string"}},
        },
        "headers": {
            HEAD: {
                "description": "Hash of the newest entry: keep it beside the file.",
                "schema": {"type": "string"},
            }
        },
    }
}


@router.get("", response_model=Listing[AuditEntry])
async def list_entries(query: Annotated[AuditListQuery, Query()], tx: Tx) -> Page[AuditEntry]:
    """List audit entries, newest first."""
    return await audit.list_entries(tx, query.filter(), limit=query.limit, cursor=query.cursor)


@router.get("/export", response_class=StreamingResponse, responses=_EXPORT)
async def export_entries(query: Annotated[ExportQuery, Query()], tx: Snapshot) -> StreamingResponse:
    """Stream audit entries as a file, oldest first; `vsa audit verify` checks one without filters.

    The head in the answer is of the same moment as the entries.
    """
    head = await audit.read_head(tx)
    form = FORMATS[query.format]
    return StreamingResponse(
        in_chunks(form.render(audit.stream_entries(tx, query.filter()))),
        media_type=form.media_type,
        headers={
            HEAD: head.hash,
            "Content-Disposition": f'attachment; filename="vsa-audit-{head.last_id}.{query.format}"',
        },
    )
