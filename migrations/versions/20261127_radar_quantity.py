"""What a radar scene measures: backscatter of one pass may be there as sigma0 and as gamma0.

Revision ID: 20261127_radar_quantity
Revises: 20261127_site_life
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261127_radar_quantity"
down_revision = "20261127_site_life"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; backscatter entered before does not say it."""
    op.add_column("scene", sa.Column("radar_quantity", sa.Text(), nullable=True))
    op.execute("UPDATE scene SET radar_quantity = 'coherence' WHERE sensor = 's1-coherence'")


def downgrade() -> None:
    """Take it away."""
    op.drop_column("scene", "radar_quantity")
