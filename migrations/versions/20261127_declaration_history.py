"""Versions of declarations: what changed, and since when a parcel is declared like this.

Revision ID: 20261127_declaration_history
Revises: 20261127_practice_tables
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261127_declaration_history"
down_revision = "20261127_practice_tables"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns. Parcels stored before count as changed in the next version, whatever it says."""
    op.add_column("declaration_set", sa.Column("mode", sa.Text(), server_default="update", nullable=False))
    op.add_column("declaration_set", sa.Column("former_id", sa.Integer(), nullable=True))
    op.add_column(
        "declaration_set", sa.Column("changes", postgresql.JSONB(), server_default="{}", nullable=False)
    )
    op.create_foreign_key(
        op.f("fk_declaration_set_former_id_declaration_set"),
        "declaration_set",
        "declaration_set",
        ["former_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.add_column("parcel", sa.Column("change", sa.Text(), server_default="new", nullable=False))
    op.add_column("parcel", sa.Column("geom_change_ratio", sa.Float(), nullable=True))
    op.add_column(
        "parcel",
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.add_column("parcel", sa.Column("geometry_hash", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("parcel", sa.Column("content_hash", sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    """Remove the columns."""
    for column in ("content_hash", "geometry_hash", "since", "geom_change_ratio", "change"):
        op.drop_column("parcel", column)
    op.drop_constraint(
        op.f("fk_declaration_set_former_id_declaration_set"), "declaration_set", type_="foreignkey"
    )
    for column in ("changes", "former_id", "mode"):
        op.drop_column("declaration_set", column)
