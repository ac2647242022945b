"""A parcel belongs to a set that there is: asked once for each statement, not once for each row.

A foreign key asks again for each of a million parcels, which makes their COPY dearer by half. The sets that
have parcels are few and found by some steps through the primary key, so a trigger compares them with the
sets that there are, in less than a millisecond, and holds these against being deleted meanwhile.

Revision ID: 20261127_parcel_sets
Revises: 20261127_parcel_ranges
"""

from __future__ import annotations

from alembic import op

revision = "20261127_parcel_sets"
down_revision = "20261127_parcel_ranges"
branch_labels = None
depends_on = None

_WATCHED = (
    ("parcel", "INSERT OR UPDATE OF set_id"),
    ("declaration_set", "UPDATE OF id"),
    ("declaration_set", "TRUNCATE"),
)


def upgrade() -> None:
    """Refuse parcels of a set that there is not, whatever statement would make them."""
    op.execute(
        """CREATE FUNCTION parcels_have_sets() RETURNS trigger LANGUAGE plpgsql AS $$
           DECLARE
             next_set integer := (SELECT min(set_id) FROM parcel);
           BEGIN
             WHILE next_set IS NOT NULL LOOP
               PERFORM FROM declaration_set WHERE id = next_set FOR KEY SHARE;
               IF NOT FOUND THEN
                 RAISE foreign_key_violation USING
                   MESSAGE = format('there is no declaration set %s for its parcels', next_set);
               END IF;
               next_set := (SELECT min(set_id) FROM parcel WHERE set_id > next_set);
             END LOOP;
             RETURN NULL;
           END $$"""
    )
    for number, (table, events) in enumerate(_WATCHED):
        op.execute(
            f"CREATE TRIGGER parcels_have_sets_{number} AFTER {events} ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION parcels_have_sets()"
        )


def downgrade() -> None:
    """Ask no more."""
    for number, (table, _) in enumerate(_WATCHED):
        op.execute(f"DROP TRIGGER parcels_have_sets_{number} ON {table}")
    op.execute("DROP FUNCTION parcels_have_sets()")
