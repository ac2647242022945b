"""Create all tables.

Revision ID: 20261122_initial
Revises: nothing, this is the first one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "20261122_initial"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create all tables."""
    op.execute("CREATE EXTENSION IF NOT EXISTS postgis")
    op.create_table(
        "job",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("site_slug", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("dirty", sa.Boolean(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("flow_run_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("key", name=op.f("uq_job_key")),
    )
    op.create_index("ix_job_state_not_before", "job", ["state", "not_before"], unique=False)
    op.create_geospatial_table(
        "site",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column(
            "extent",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column("tiles", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("config", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site")),
        sa.UniqueConstraint("slug", name=op.f("uq_site_slug")),
    )
    op.create_geospatial_index(
        "idx_site_extent", "site", ["extent"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_table(
        "upload",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site_slug", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("receipt", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column(
            "registered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("flow_run_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload")),
        sa.UniqueConstraint(
            "site_slug", "year", "kind", "sha256", name=op.f("uq_upload_site_slug_year_kind_sha256")
        ),
    )
    op.create_index("ix_upload_state", "upload", ["state"], unique=False)
    op.create_table(
        "crop_code",
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("ori_crop", sa.Text(), nullable=False),
        sa.Column("ctnum", sa.Integer(), nullable=False),
        sa.Column("ct", sa.Text(), nullable=False),
        sa.Column("lc", sa.Integer(), nullable=False),
        sa.Column("ctnum_l4a", sa.Integer(), nullable=False),
        sa.Column("ct_l4a", sa.Text(), nullable=False),
        sa.Column("ctnum_div", sa.Integer(), nullable=False),
        sa.Column("ct_div", sa.Text(), nullable=False),
        sa.Column("eaa", sa.Boolean(), nullable=False),
        sa.Column("al", sa.Boolean(), nullable=False),
        sa.Column("pgrass", sa.Boolean(), nullable=False),
        sa.Column("tgrass", sa.Boolean(), nullable=False),
        sa.Column("fallow", sa.Boolean(), nullable=False),
        sa.Column("cwater", sa.Boolean(), nullable=False),
        sa.Column("upload_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["site_id"], ["site.id"], name=op.f("fk_crop_code_site_id_site"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["upload_id"], ["upload.id"], name=op.f("fk_crop_code_upload_id_upload")),
        sa.PrimaryKeyConstraint("site_id", "year", "ori_crop", name=op.f("pk_crop_code")),
    )
    op.create_table(
        "declaration_set",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("upload_id", sa.Integer(), nullable=True),
        sa.Column("n_parcels", sa.Integer(), nullable=False),
        sa.Column("columns", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["site_id"], ["site.id"], name=op.f("fk_declaration_set_site_id_site"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["upload.id"], name=op.f("fk_declaration_set_upload_id_upload")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_declaration_set")),
    )
    op.create_index("ix_declaration_set_site_id_year", "declaration_set", ["site_id", "year"], unique=False)
    op.create_table(
        "processor_config",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("processor", sa.Text(), nullable=False),
        sa.Column("upload_id", sa.Integer(), nullable=True),
        sa.Column("values", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["site_id"], ["site.id"], name=op.f("fk_processor_config_site_id_site"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["upload.id"], name=op.f("fk_processor_config_upload_id_upload")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processor_config")),
        sa.UniqueConstraint(
            "site_id",
            "year",
            "processor",
            "upload_id",
            name=op.f("uq_processor_config_site_id_year_processor_upload_id"),
        ),
    )
    op.create_geospatial_table(
        "scene",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("upload_id", sa.Integer(), nullable=True),
        sa.Column("product_id", sa.Text(), nullable=False),
        sa.Column("sensor", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("acquired_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tile", sa.Text(), nullable=False),
        sa.Column("acquisition_key", sa.Text(), nullable=False),
        sa.Column("baseline", sa.Text(), nullable=True),
        sa.Column("generated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("relative_orbit", sa.Integer(), nullable=True),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column(
            "footprint",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=True),
        sa.Column("superseded_by", sa.Integer(), nullable=True),
        sa.Column("clear_fraction", sa.Double(), nullable=True),
        sa.Column("data_fraction", sa.Double(), nullable=True),
        sa.Column("ingested_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id"], ["site.id"], name=op.f("fk_scene_site_id_site"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["superseded_by"], ["scene.id"], name=op.f("fk_scene_superseded_by_scene")),
        sa.ForeignKeyConstraint(["upload_id"], ["upload.id"], name=op.f("fk_scene_upload_id_upload")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scene")),
        sa.UniqueConstraint("site_id", "product_id", "tile", name=op.f("uq_scene_site_id_product_id_tile")),
    )
    op.create_geospatial_index(
        "idx_scene_footprint",
        "scene",
        ["footprint"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index("ix_scene_acquisition_key", "scene", ["acquisition_key"], unique=False)
    op.create_index("ix_scene_site_id_acquired_at", "scene", ["site_id", "acquired_at"], unique=False)
    op.create_table(
        "season",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("mid", sa.Date(), nullable=True),
        sa.Column("end", sa.Date(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("implicit", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id"], ["site.id"], name=op.f("fk_season_site_id_site"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_season")),
        sa.UniqueConstraint("site_id", "name", "year", name=op.f("uq_season_site_id_name_year")),
    )
    op.create_table(
        "sighting",
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("upload_id", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["upload.id"], name=op.f("fk_sighting_upload_id_upload"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_sighting")),
    )
    op.create_table(
        "observation_set",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("scene_id", sa.Integer(), nullable=False),
        sa.Column("declaration_set_id", sa.Integer(), nullable=False),
        sa.Column("group_name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("n_rows", sa.Integer(), nullable=False),
        sa.Column("n_observed", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("flow_run_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["declaration_set_id"],
            ["declaration_set.id"],
            name=op.f("fk_observation_set_declaration_set_id_declaration_set"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["scene_id"], ["scene.id"], name=op.f("fk_observation_set_scene_id_scene"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_observation_set")),
        sa.UniqueConstraint(
            "scene_id",
            "declaration_set_id",
            "group_name",
            name=op.f("uq_observation_set_scene_id_declaration_set_id_group_name"),
        ),
    )
    op.create_geospatial_table(
        "parcel",
        sa.Column("set_id", sa.Integer(), nullable=False),
        sa.Column("new_id", sa.Integer(), nullable=False),
        sa.Column("hold_id", sa.Integer(), nullable=False),
        sa.Column("ori_id", sa.Text(), nullable=False),
        sa.Column("ori_hold", sa.Text(), nullable=False),
        sa.Column("ori_crop", sa.Text(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column("geom_valid", sa.Boolean(), nullable=False),
        sa.Column("duplic", sa.Boolean(), nullable=False),
        sa.Column("overlap", sa.Boolean(), nullable=False),
        sa.Column("area_m2", sa.Double(), nullable=False),
        sa.Column("shape_index", sa.Double(), nullable=True),
        sa.Column("s1_pix", sa.Integer(), nullable=True),
        sa.Column("s2_pix", sa.Integer(), nullable=True),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["set_id"],
            ["declaration_set.id"],
            name=op.f("fk_parcel_set_id_declaration_set"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("set_id", "new_id", name=op.f("pk_parcel")),
    )
    op.create_geospatial_index(
        "idx_parcel_geom", "parcel", ["geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index("ix_parcel_ori_id", "parcel", ["ori_id"], unique=False)
    op.create_table(
        "product",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("scene_id", sa.Integer(), nullable=True),
        sa.Column("season_id", sa.Integer(), nullable=True),
        sa.Column("tile", sa.Text(), nullable=True),
        sa.Column("start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("stac_path", sa.Text(), nullable=True),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("flow_run_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["scene_id"], ["scene.id"], name=op.f("fk_product_scene_id_scene")),
        sa.ForeignKeyConstraint(["season_id"], ["season.id"], name=op.f("fk_product_season_id_season")),
        sa.ForeignKeyConstraint(
            ["site_id"], ["site.id"], name=op.f("fk_product_site_id_site"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("key", name=op.f("uq_product_key")),
    )
    op.create_index("ix_product_site_id_kind", "product", ["site_id", "kind"], unique=False)
    op.create_table(
        "mowing_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("season_id", sa.Integer(), nullable=False),
        sa.Column("declaration_set_id", sa.Integer(), nullable=False),
        sa.Column("config_id", sa.Integer(), nullable=True),
        sa.Column("product_id", sa.Integer(), nullable=True),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("input_key", sa.Text(), nullable=False),
        sa.Column("n_parcels", sa.Integer(), nullable=False),
        sa.Column("n_mowed", sa.Integer(), nullable=False),
        sa.Column("n_events", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("flow_run_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["config_id"], ["processor_config.id"], name=op.f("fk_mowing_run_config_id_processor_config")
        ),
        sa.ForeignKeyConstraint(
            ["declaration_set_id"],
            ["declaration_set.id"],
            name=op.f("fk_mowing_run_declaration_set_id_declaration_set"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_mowing_run_product_id_product")
        ),
        sa.ForeignKeyConstraint(
            ["season_id"], ["season.id"], name=op.f("fk_mowing_run_season_id_season"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mowing_run")),
    )
    op.create_index("ix_mowing_run_season_id_id", "mowing_run", ["season_id", "id"], unique=False)
    op.create_table(
        "product_input",
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"],
            ["product.id"],
            name=op.f("fk_product_input_product_id_product"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("product_id", "ref", name=op.f("pk_product_input")),
    )
    op.create_table(
        "marker",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("new_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("missions", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["mowing_run.id"], name=op.f("fk_marker_run_id_mowing_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_marker")),
    )
    op.create_index("ix_marker_run_id_new_id", "marker", ["run_id", "new_id"], unique=False)
    op.create_table(
        "mowing_result",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("new_id", sa.Integer(), nullable=False),
        sa.Column("mow_n", sa.Integer(), nullable=False),
        sa.Column("proc", sa.Integer(), nullable=False),
        sa.Column("compl", sa.Integer(), nullable=False),
        sa.Column("n_observations", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], ["mowing_run.id"], name=op.f("fk_mowing_result_run_id_mowing_run"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "new_id", name=op.f("pk_mowing_result")),
    )


def downgrade() -> None:
    """Drop all tables; the PostGIS extension stays, since others may use it."""
    op.drop_table("mowing_result")
    op.drop_index("ix_marker_run_id_new_id", table_name="marker")
    op.drop_table("marker")
    op.drop_table("product_input")
    op.drop_index("ix_mowing_run_season_id_id", table_name="mowing_run")
    op.drop_table("mowing_run")
    op.drop_index("ix_product_site_id_kind", table_name="product")
    op.drop_table("product")
    op.drop_index("ix_parcel_ori_id", table_name="parcel")
    op.drop_geospatial_index(
        "idx_parcel_geom", table_name="parcel", postgresql_using="gist", column_name="geom"
    )
    op.drop_geospatial_table("parcel")
    op.drop_table("observation_set")
    op.drop_table("sighting")
    op.drop_table("season")
    op.drop_index("ix_scene_site_id_acquired_at", table_name="scene")
    op.drop_index("ix_scene_acquisition_key", table_name="scene")
    op.drop_geospatial_index(
        "idx_scene_footprint", table_name="scene", postgresql_using="gist", column_name="footprint"
    )
    op.drop_geospatial_table("scene")
    op.drop_table("processor_config")
    op.drop_index("ix_declaration_set_site_id_year", table_name="declaration_set")
    op.drop_table("declaration_set")
    op.drop_table("crop_code")
    op.drop_index("ix_upload_state", table_name="upload")
    op.drop_table("upload")
    op.drop_geospatial_index(
        "idx_site_extent", table_name="site", postgresql_using="gist", column_name="extent"
    )
    op.drop_geospatial_table("site")
    op.drop_index("ix_job_state_not_before", table_name="job")
    op.drop_table("job")
