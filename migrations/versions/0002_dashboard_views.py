"""The views that Grafana reads, in a schema of their own."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
oldest_code = "0001"

_SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    op.execute((_SQL / "0002_views.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((_SQL / "0002_down.sql").read_text(encoding="utf-8"))
