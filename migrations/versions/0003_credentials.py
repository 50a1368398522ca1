"""Credentials for engines on other machines."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
oldest_code = "0002"

_SQL = Path(__file__).parent.parent / "sql"


def upgrade() -> None:
    op.execute((_SQL / "0003_credentials.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((_SQL / "0003_down.sql").read_text(encoding="utf-8"))
