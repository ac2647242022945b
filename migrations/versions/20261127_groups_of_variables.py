"""Observation sets say which variables they hold, scenes which ones they can never give.

Revision ID: 20261127_groups_of_variables
Revises: 20261127_crop_types
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261127_groups_of_variables"
down_revision = "20261127_crop_types"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; the sets there are hold NDVI."""
    op.add_column(
        "scene",
        sa.Column("lacking", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column(
        "observation_set",
        sa.Column("variables", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.execute("UPDATE observation_set SET variables = ARRAY['ndvi'] WHERE group_name = 'ndvi'")


def downgrade() -> None:
    """Remove the columns; files of other groups than NDVI stay on disk."""
    op.execute("DELETE FROM observation_set WHERE group_name <> 'ndvi'")
    op.drop_column("observation_set", "variables")
    op.drop_column("scene", "lacking")
