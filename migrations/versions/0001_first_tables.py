"""First tables: registry, observations, tokens, audit trail."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
oldest_code = "0001"

_SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    for part in ("tables", "partitions", "audit"):
        op.execute((_SQL / f"0001_{part}.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((_SQL / "0001_down.sql").read_text(encoding="utf-8"))
