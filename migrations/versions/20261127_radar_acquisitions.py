"""Radar products that are still in the radar's own geometry: what is known of them, and what they wait for.

Revision ID: 20261127_radar_acquisitions
Revises: 20261127_groups_of_variables
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261127_radar_acquisitions"
down_revision = "20261127_groups_of_variables"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "radar_acquisition",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("upload_id", sa.Integer(), nullable=True),
        sa.Column("product_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("relative_orbit", sa.Integer(), nullable=False),
        sa.Column("orbit_direction", sa.Text(), nullable=False),
        sa.Column("polarisations", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("footprint_wkt", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=True),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id"], ["site.id"], name=op.f("fk_radar_acquisition_site_id_site"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["upload.id"], name=op.f("fk_radar_acquisition_upload_id_upload")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_radar_acquisition")),
        sa.UniqueConstraint("site_id", "product_id", name=op.f("uq_radar_acquisition_site_id_product_id")),
    )


def downgrade() -> None:
    """Remove the table."""
    op.drop_table("radar_acquisition")
