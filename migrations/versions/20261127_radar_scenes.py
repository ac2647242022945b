"""Radar acquisitions: orbit direction, and the earlier acquisition of a coherence pair.

Revision ID: 20261127_radar_scenes
Revises: 20261122_initial
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261127_radar_scenes"
down_revision = "20261122_initial"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; they stay empty for optical scenes."""
    op.add_column("scene", sa.Column("orbit_direction", sa.Text(), nullable=True))
    op.add_column("scene", sa.Column("pair_started_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Remove the columns."""
    op.drop_column("scene", "pair_started_at")
    op.drop_column("scene", "orbit_direction")
