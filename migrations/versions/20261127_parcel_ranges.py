"""Parcels enter in bulk: found by ranges of pages, and taken away with their set by a trigger.

Half of what the server does for a million new parcels was a tree of their boxes and a question, row by row,
whether their set exists. Parcels of a set lie on disk place by place, so that the box of each range of pages
finds them as well; the set is entered in the same transaction.

Revision ID: 20261127_parcel_ranges
Revises: 20261127_radar_lineage
"""

from __future__ import annotations

from alembic import op

revision = "20261127_parcel_ranges"
down_revision = "20261127_radar_lineage"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Put an index over ranges in the place of the tree, and a trigger in that of the foreign key."""
    op.drop_index("idx_parcel_geom", table_name="parcel", postgresql_using="gist")
    op.create_index(
        "ix_parcel_places",
        "parcel",
        ["set_id", "geom"],
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 16, "autosummarize": "on"},
    )
    op.drop_constraint("fk_parcel_set_id_declaration_set", "parcel", type_="foreignkey")
    op.execute(
        """CREATE FUNCTION take_parcels_away() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN DELETE FROM parcel WHERE set_id = OLD.id; RETURN NULL; END $$"""
    )
    op.execute(
        """CREATE TRIGGER take_parcels_away AFTER DELETE ON declaration_set
           FOR EACH ROW EXECUTE FUNCTION take_parcels_away()"""
    )


def downgrade() -> None:
    """Go back to the tree and the foreign key."""
    op.execute("DROP TRIGGER take_parcels_away ON declaration_set")
    op.execute("DROP FUNCTION take_parcels_away()")
    op.create_foreign_key(
        "fk_parcel_set_id_declaration_set",
        "parcel",
        "declaration_set",
        ["set_id"],
        ["id"],
        ondelete="CASCADE",
    )
    op.drop_index("ix_parcel_places", table_name="parcel", postgresql_using="brin")
    op.create_index("idx_parcel_geom", "parcel", ["geom"], postgresql_using="gist")
