"""Results of practice monitoring: evaluations and rows.

Revision ID: 20261127_practice_results
Revises: 20261127_sources
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261127_practice_results"
down_revision = "20261127_sources"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "practice_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("practice", sa.Text(), nullable=False),
        sa.Column("practice_set_id", sa.Integer(), nullable=False),
        sa.Column("declaration_set_id", sa.Integer(), nullable=False),
        sa.Column("config_id", sa.Integer(), nullable=True),
        sa.Column("product_id", sa.Integer(), nullable=True),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("input_key", sa.Text(), nullable=False),
        sa.Column("n_rows", sa.Integer(), nullable=False),
        sa.Column("n_harvests", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("flow_run_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id"], ["site.id"], name=op.f("fk_practice_run_site_id_site"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["practice_set_id"],
            ["practice_set.id"],
            name=op.f("fk_practice_run_practice_set_id_practice_set"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["declaration_set_id"],
            ["declaration_set.id"],
            name=op.f("fk_practice_run_declaration_set_id_declaration_set"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["config_id"], ["processor_config.id"], name=op.f("fk_practice_run_config_id_processor_config")
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_practice_run_product_id_product")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practice_run")),
    )
    op.create_index("ix_practice_run_site_id_year_practice", "practice_run", ["site_id", "year", "practice"])
    op.create_table(
        "practice_result",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("new_id", sa.Integer(), nullable=False),
        sa.Column("c_index", sa.Text(), nullable=False),
        sa.Column("last_week", sa.Date(), nullable=True),
        sa.Column("harvest_week", sa.Date(), nullable=True),
        sa.Column("radar_harvest_week", sa.Date(), nullable=True),
        sa.Column("tillage_week", sa.Date(), nullable=True),
        sa.Column("p_start", sa.Date(), nullable=True),
        sa.Column("p_end", sa.Date(), nullable=True),
        sa.Column("markers", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["practice_run.id"],
            name=op.f("fk_practice_result_run_id_practice_run"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run_id", "row", name=op.f("pk_practice_result")),
    )
    op.create_index("ix_practice_result_new_id", "practice_result", ["new_id"])


def downgrade() -> None:
    """Remove both tables."""
    op.drop_table("practice_result")
    op.drop_table("practice_run")
