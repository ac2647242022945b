"""Sites and seasons that are paused, sites that are deleted and kept.

Revision ID: 20261127_site_life
Revises: 20261127_retention
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261127_site_life"
down_revision = "20261127_retention"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add when a person paused or deleted."""
    op.add_column("site", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("site", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("season", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("season", "paused_at")
    op.drop_column("site", "deleted_at")
    op.drop_column("site", "paused_at")
