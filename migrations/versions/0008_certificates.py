"""Certificates over time, from wherever they are known, and whom we trust."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None
oldest_code = "0003"

_SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    op.execute((_SQL / "0008_certificates.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((_SQL / "0008_down.sql").read_text(encoding="utf-8"))
