"""Products and fetched scenes whose files were given up keep their rows.

Revision ID: 20261127_retention
Revises: 20261127_planned_runs
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261127_retention"
down_revision = "20261127_planned_runs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the instants."""
    op.add_column("product", sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("upload", sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Remove them; rows whose files are gone go too, so that what is wanted is made again."""
    op.execute("DELETE FROM product WHERE retired_at IS NOT NULL AND scene_id IS NOT NULL")
    op.drop_column("upload", "retired_at")
    op.drop_column("product", "retired_at")
