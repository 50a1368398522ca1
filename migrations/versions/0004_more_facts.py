"""More facts of containers and nodes: image digests, failed health checks, disk use."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
oldest_code = "0003"

_SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    op.execute((_SQL / "0004_more_facts.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((_SQL / "0004_down.sql").read_text(encoding="utf-8"))
