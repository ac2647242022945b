"""Practice tables: their versions and rows.

Revision ID: 20261127_practice_tables
Revises: 20261127_radar_scenes
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261127_practice_tables"
down_revision = "20261127_radar_scenes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "practice_set",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("upload_id", sa.Integer(), nullable=True),
        sa.Column("n_rows", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["site_id"], ["site.id"], name=op.f("fk_practice_set_site_id_site"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["upload_id"], ["upload.id"], name=op.f("fk_practice_set_upload_id_upload")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practice_set")),
    )
    op.create_index("ix_practice_set_site_id_year_practice", "practice_set", ["site_id", "year", "practice"])
    op.create_table(
        "practice_row",
        sa.Column("set_id", sa.Integer(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("ori_id", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("main_crop", sa.Text(), nullable=False),
        sa.Column("veg_start", sa.Date(), nullable=True),
        sa.Column("h_start", sa.Date(), nullable=True),
        sa.Column("h_end", sa.Date(), nullable=True),
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("p_type", sa.Text(), nullable=False),
        sa.Column("p_start", sa.Date(), nullable=True),
        sa.Column("p_end", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["set_id"],
            ["practice_set.id"],
            name=op.f("fk_practice_row_set_id_practice_set"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("set_id", "row", name=op.f("pk_practice_row")),
    )
    op.create_index("ix_practice_row_ori_id", "practice_row", ["ori_id"])


def downgrade() -> None:
    """Remove both tables."""
    op.drop_table("practice_row")
    op.drop_table("practice_set")
