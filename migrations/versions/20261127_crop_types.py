"""Crop types: runs, answers by parcel, crop diversification by holding.

Revision ID: 20261127_crop_types
Revises: 20261127_practice_results
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261127_crop_types"
down_revision = "20261127_practice_results"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "crop_type_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("season_id", sa.Integer(), nullable=False),
        sa.Column("declaration_set_id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=True),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("input_key", sa.Text(), nullable=False),
        sa.Column("n_parcels", sa.Integer(), nullable=False),
        sa.Column("n_classified", sa.Integer(), nullable=False),
        sa.Column("n_doubtful", sa.Integer(), nullable=False),
        sa.Column("accuracy", sa.Float(), nullable=True),
        sa.Column("macro_f", sa.Float(), nullable=True),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("flow_run_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["season_id"], ["season.id"], name=op.f("fk_crop_type_run_season_id_season"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["declaration_set_id"],
            ["declaration_set.id"],
            name=op.f("fk_crop_type_run_declaration_set_id_declaration_set"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_crop_type_run_product_id_product")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crop_type_run")),
    )
    op.create_index("ix_crop_type_run_season_id_id", "crop_type_run", ["season_id", "id"])
    op.create_table(
        "crop_type_result",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("new_id", sa.Integer(), nullable=False),
        sa.Column("ct_decl", sa.Integer(), nullable=True),
        sa.Column("ct_pred_1", sa.Integer(), nullable=True),
        sa.Column("ct_conf_1", sa.Float(), nullable=True),
        sa.Column("ct_pred_2", sa.Integer(), nullable=True),
        sa.Column("ct_conf_2", sa.Float(), nullable=True),
        sa.Column("doubtful", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["crop_type_run.id"],
            name=op.f("fk_crop_type_result_run_id_crop_type_run"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run_id", "new_id", name=op.f("pk_crop_type_result")),
    )
    op.create_table(
        "diversification_result",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("hold_id", sa.Integer(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("diagnosis", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["crop_type_run.id"],
            name=op.f("fk_diversification_result_run_id_crop_type_run"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run_id", "hold_id", name=op.f("pk_diversification_result")),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("diversification_result")
    op.drop_table("crop_type_result")
    op.drop_table("crop_type_run")
