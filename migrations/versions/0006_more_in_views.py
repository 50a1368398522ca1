"""More in Grafana's views: swarm role, engine warnings, shared engines, failed health checks."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
oldest_code = "0003"

_SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    op.execute((_SQL / "0006_more_in_views.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((_SQL / "0006_down.sql").read_text(encoding="utf-8"))
