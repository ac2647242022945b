"""What work took, how the machines are, what people were warned of.

Revision ID: 20261127_monitoring
Revises: 20261127_radar_quantity
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261127_monitoring"
down_revision = "20261127_radar_quantity"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "job_usage",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("site_slug", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("n_jobs", sa.Integer(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("cpu_seconds", sa.Float(), nullable=False),
        sa.Column("peak_memory_bytes", sa.BigInteger(), nullable=False),
        sa.Column("read_bytes", sa.BigInteger(), nullable=False),
        sa.Column("written_bytes", sa.BigInteger(), nullable=False),
        sa.Column("others", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_job_usage"),
    )
    op.create_index("ix_job_usage_site_slug_started_at", "job_usage", ["site_slug", "started_at"])
    op.create_table(
        "machine_sample",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("taken_at", INSTANT, nullable=False),
        sa.Column("cpu_percent", sa.Float(), nullable=False),
        sa.Column("n_cores", sa.Integer(), nullable=False),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=False),
        sa.Column("memory_free_bytes", sa.BigInteger(), nullable=False),
        sa.Column("disk_bytes", sa.BigInteger(), nullable=False),
        sa.Column("disk_free_bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_machine_sample"),
    )
    op.create_index("ix_machine_sample_taken_at", "machine_sample", ["taken_at"])
    op.create_table(
        "warning",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("site_slug", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("told_at", INSTANT, nullable=True),
        sa.Column("over_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_warning"),
        sa.UniqueConstraint("key", name="uq_warning_key"),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("warning")
    op.drop_index("ix_machine_sample_taken_at", table_name="machine_sample")
    op.drop_table("machine_sample")
    op.drop_index("ix_job_usage_site_slug_started_at", table_name="job_usage")
    op.drop_table("job_usage")
