"""A rejected upload knows where it was dropped, so that a corrected file of that place and name settles it.

Revision ID: 20261127_dropped_as
Revises: 20261127_parcel_sets
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261127_dropped_as"
down_revision = "20261127_parcel_sets"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the place; of those rejected before it follows from where they lie now."""
    op.add_column("upload", sa.Column("dropped_as", sa.Text(), nullable=True))
    op.execute("UPDATE upload SET dropped_as = replace(path, '/rejected/', '/') WHERE state = 'rejected'")


def downgrade() -> None:
    """Remove it."""
    op.drop_column("upload", "dropped_as")
