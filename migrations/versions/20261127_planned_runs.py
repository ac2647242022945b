"""Runs that the calendar of a season asks for, and what a search asked for.

Revision ID: 20261127_planned_runs
Revises: 20261127_radar_acquisitions
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261127_planned_runs"
down_revision = "20261127_radar_acquisitions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; let a search remember what it asked for."""
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "planned_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("season_id", sa.Integer(), nullable=False),
        sa.Column("processor", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("covers_from", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("waits_for", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("waiting_since", instant, nullable=True),
        sa.Column("deadline", instant, nullable=True),
        sa.Column("ran_without", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("job_key", sa.Text(), nullable=True),
        sa.Column("asked_at", instant, nullable=True),
        sa.Column("finished_at", instant, nullable=True),
        sa.Column("planned_at", instant, server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["season_id"], ["season.id"], name="fk_planned_run_season_id_season", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_planned_run"),
        sa.UniqueConstraint(
            "season_id", "processor", "due_on", name="uq_planned_run_season_id_processor_due_on"
        ),
    )
    op.add_column("source_search", sa.Column("asked_for", sa.Text(), nullable=True))


def downgrade() -> None:
    """Drop both."""
    op.drop_column("source_search", "asked_for")
    op.drop_table("planned_run")
