"""Radar composites name the scenes they were made from by number, as all products do.

Revision ID: 20261127_radar_lineage
Revises: 20261127_monitoring
"""

from __future__ import annotations

from alembic import op

revision = "20261127_radar_lineage"
down_revision = "20261127_monitoring"
branch_labels = None
depends_on = None

_COMPOSITES = """
    product.id = product_input.product_id AND product.kind = 'sen4cap-s1-composite'
    AND scene.site_id = product.site_id AND scene.tile = product.tile
"""


def upgrade() -> None:
    """Put the numbers in the place of the product names; what names a scene that is gone goes."""
    op.execute(
        f"""UPDATE product_input SET ref = 'scene:' || scene.id FROM product, scene
        WHERE {_COMPOSITES} AND product_input.ref = 'scene:' || scene.product_id"""
    )
    op.execute("DELETE FROM product_input WHERE ref LIKE 'scene:%' AND ref !~ '^scene:[0-9]+$'")


def downgrade() -> None:
    """Put the product names back."""
    op.execute(
        f"""UPDATE product_input SET ref = 'scene:' || scene.product_id FROM product, scene
        WHERE {_COMPOSITES} AND product_input.ref = 'scene:' || scene.id"""
    )
